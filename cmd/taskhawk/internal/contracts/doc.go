// Package contracts has the command contract: what is in contract files, how they differ,
// stubs and structs from them, and whether saved messages fit.
package contracts

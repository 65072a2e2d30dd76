// Package contracts has the command contract. It shows and compares contract files, writes
// stubs and structs from them, and checks saved messages.
package contracts

// Package moving holds the check of the pages about moving from other libraries in Go; it
// has no code to import. It compiles what the pages show of those libraries, which the
// library itself does not require.
package moving

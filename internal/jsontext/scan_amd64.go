//go:build !purego

package jsontext

// The three functions that look at every byte of a large message are in assembly,
// scan_amd64.s: sixteen bytes an instruction, where Go has eight by arithmetic.
// docs/decisions.md has what that gains. The build tag purego leaves them out, as every
// machine but amd64 does: scan.go.

// hasBlocks reports whether markBlocks is faster than looking at one byte after another.
const hasBlocks = true

// copyPlain writes s behind the end of dst up to the first byte that is not plain, and
// returns the index of that byte. If all of s is plain it writes a closing quote too,
// and returns len(s). dst must have room for s and slack, and copyPlain may write to all
// of it.
//
//go:noescape
func copyPlain(dst []byte, s string) int

// plainLen returns the index of the first byte of s that is not plain. It may stop before
// that, less than 16 bytes before the end of s.
//
//go:noescape
func plainLen(s string) int

// markBlocks looks at the first blocks of s, as many as dst has marks.
//
//go:noescape
func markBlocks(dst []marks, s string)

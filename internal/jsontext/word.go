package jsontext

import "math/bits"

// Strings are scanned eight bytes at a time: one word is loaded, and arithmetic on all its bytes at once marks with their top bit
// the ones that end a plain run. A borrow can mark a byte after a true hit as well, never one before it, so the lowest mark is exact.
const (
	wordSize = 8
	ones     = 0x0101010101010101
	highBits = 0x80 * ones
)

// loadWord returns s[i:i+8] as a little-endian word; the compiler merges it into one load.
func loadWord(s string, i int) uint64 {
	s = s[i : i+wordSize]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// markSpecial marks quotes, backslashes and control characters. Flipping bit 1 swaps '"' (0x22) with space (0x20) and maps the control
// characters onto themselves, so that one comparison with 0x21 finds both.
func markSpecial(w uint64) uint64 {
	q := w ^ 0x02*ones
	b := w ^ '\\'*ones
	return ((q-0x21*ones)&^q | (b-ones)&^b) & highBits
}

// firstMark returns the index within the word of the lowest marked byte.
func firstMark(m uint64) int { return bits.TrailingZeros64(m) / 8 }

// isSpecial is markSpecial for one byte.
func isSpecial(c byte) bool { return c < ' ' || c == '"' || c == '\\' }

// scanPlain returns the index of the first byte of s at or after i that is special or not ASCII, or len(s).
func scanPlain(s string, i int) int {
	for i+wordSize <= len(s) {
		w := loadWord(s, i)
		if m := markSpecial(w) | w&highBits; m != 0 {
			return i + firstMark(m)
		}
		i += wordSize
	}
	for i < len(s) && s[i] < 0x80 && !isSpecial(s[i]) {
		i++
	}
	return i
}

// scanSpecial returns the index of the first special byte of s at or after i, or len(s), and whether all bytes before it are ASCII.
func scanSpecial(s string, i int) (end int, ascii bool) {
	var seen uint64
	for i+wordSize <= len(s) {
		w := loadWord(s, i)
		if m := markSpecial(w); m != 0 {
			n := firstMark(m)
			seen |= w & (1<<(8*n) - 1)
			return i + n, seen&highBits == 0
		}
		seen |= w
		i += wordSize
	}
	for i < len(s) && !isSpecial(s[i]) {
		seen |= uint64(s[i])
		i++
	}
	return i, seen&highBits == 0
}

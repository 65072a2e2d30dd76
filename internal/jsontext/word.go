package jsontext

import "math/bits"

// Strings are scanned eight bytes at a time. Arithmetic on all bytes of a word at once
// sets the top bit of each byte that ends a plain run. A borrow can mark a byte after a
// true hit as well, never one before it, so the lowest mark is exact.
const (
	wordSize = 8
	ones     = 0x0101010101010101
	highBits = 0x80 * ones
)

// loadWord returns s[i:i+8] as a little-endian word; the compiler merges it into one
// load.
func loadWord(s string, i int) uint64 {
	s = s[i : i+wordSize]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// Word returns s[i:i+8] as a little-endian word.
func Word(s string, i int) uint64 { return loadWord(s, i) }

// loadTail returns s[i:], which is shorter than a word, as a word filled up with spaces.
func loadTail(s string, i int) uint64 {
	n := 8 * (len(s) - i) // bits
	spaces := uint64(' '*ones) << n
	if len(s) >= wordSize {
		return spaces | loadWord(s, len(s)-wordSize)>>(64-n)
	}
	for j := len(s) - 1; j >= i; j-- {
		n -= 8
		spaces |= uint64(s[j]) << n
	}
	return spaces
}

// markSpecial marks quotes, backslashes and control characters, and passes over what is
// not ASCII. Flipping bit 1 swaps '"' (0x22) with space (0x20) and maps the control
// characters onto themselves, so that one comparison with 0x21 finds both.
func markSpecial(w uint64) uint64 {
	quotes, backslashes := w^0x02*ones, w^'\\'*ones
	return ((quotes - 0x21*ones) | (backslashes - ones)) &^ w & highBits
}

// The first bytes, in UTF-8, of the characters beyond ASCII that are written escaped:
// U+2028 and U+2029, U+FFFE and U+FFFF. Others share them.
const (
	leadLineSeparator = 0xE2
	leadNonchar       = 0xEF
)

// markText marks the bytes that markSpecial marks, and the lead bytes above.
func markText(w uint64) uint64 {
	separators, nonchars := w^leadLineSeparator*ones, w^leadNonchar*ones
	return markSpecial(w) | ((separators-ones)&^separators|(nonchars-ones)&^nonchars)&highBits
}

// firstMark returns the index within the word of the lowest marked byte, 8 if there is
// none.
func firstMark(m uint64) int { return bits.TrailingZeros64(m) / 8 }

// isSpecial reports whether a byte is a quote, a backslash or a control character.
func isSpecial(c byte) bool { return c < ' ' || c == '"' || c == '\\' }

// scanSpecial returns the index of the first special byte of s at or after i, or len(s),
// and whether all bytes before it are ASCII.
func scanSpecial(s string, i int) (end int, ascii bool) {
	var seen uint64
	for ; i+wordSize <= len(s); i += wordSize {
		w := loadWord(s, i)
		if m := markSpecial(w); m != 0 {
			return i + firstMark(m), (seen|w&(m^(m-1)))&highBits == 0
		}
		seen |= w
	}
	w := loadTail(s, i)
	if m := markSpecial(w); m != 0 {
		return i + firstMark(m), (seen|w&(m^(m-1)))&highBits == 0
	}
	return len(s), (seen|w)&highBits == 0
}

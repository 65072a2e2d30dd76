package awsbatch

import "unicode/utf8"

// Forbidden returns the index of the first byte of text that SQS refuses, or -1. SQS
// takes valid UTF-8 of the characters that XML 1.0 allows: tab, line feed, carriage
// return, U+0020 to U+D7FF, U+E000 to U+FFFD and everything above U+FFFF.
func Forbidden(text string) int {
	for i := 0; i < len(text); {
		if i+8 <= len(text) && plain(text[i:i+8]) {
			i += 8
			continue
		}
		c := text[i]
		if c >= ' ' && c < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 || forbidden(r) {
			return i
		}
		i += size
	}
	return -1
}

// plain reports whether eight bytes are ASCII without control characters below a space.
// Subtracting a space from all of them sets the high bit of each lower byte, and bytes
// above ASCII have it set.
func plain(text string) bool {
	const high, spaces = 0x8080808080808080, 0x2020202020202020
	w := uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
	return (w|(w-spaces))&high == 0
}

func forbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

package attribute

import "unicode/utf8"

// Forbidden returns the index of the first byte of text that SQS refuses, or -1. SQS takes valid UTF-8 of the characters that
// XML 1.0 allows: tab, line feed, carriage return, U+0020 to U+D7FF, U+E000 to U+FFFD and everything above U+FFFF.
func Forbidden(text string) int {
	for i := 0; i < len(text); {
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

func forbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

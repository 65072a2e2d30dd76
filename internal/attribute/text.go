package attribute

import (
	"strings"
	"unicode/utf8"
)

// Forbidden returns the index of the first byte of text that SQS refuses, or -1. SQS takes valid UTF-8 of the characters that
// XML 1.0 allows: tab, line feed, carriage return, U+0020 to U+D7FF, U+E000 to U+FFFD and everything above U+FFFF.
func Forbidden(text string) int {
	if i := strings.IndexFunc(text, forbidden); i >= 0 {
		// U+FFFD itself is allowed; a byte that is not UTF-8 decodes to it as well.
		return i
	}
	if utf8.ValidString(text) {
		return -1
	}
	return firstInvalid(text)
}

func forbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

func firstInvalid(text string) int {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

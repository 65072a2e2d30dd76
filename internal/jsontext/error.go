package jsontext

import (
	"strconv"
	"unicode/utf8"
)

// SyntaxError reports text that is not JSON by RFC 8259.
type SyntaxError struct {
	Offset int    // byte index into the scanned string of the first byte that is wrong, or its length if the text ends early
	Reason string // what is wrong; holds at most one character of the text
}

// Error returns the reason and the offset. It never quotes more than the single offending character.
func (e *SyntaxError) Error() string {
	return e.Reason + " at offset " + strconv.Itoa(e.Offset)
}

// Unexpected returns the [*SyntaxError] for the character at s[i], or the end of s, where want is required.
func Unexpected(s string, i int, want string) error {
	if i >= len(s) {
		return &SyntaxError{Offset: len(s), Reason: "unexpected end, want " + want}
	}
	return &SyntaxError{Offset: i, Reason: "unexpected " + quoteAt(s, i) + ", want " + want}
}

// quoteAt quotes the one character at i; bytes that are not UTF-8 are shown by number.
func quoteAt(s string, i int) string {
	r, size := utf8.DecodeRuneInString(s[i:])
	if r == utf8.RuneError && size <= 1 {
		return "byte 0x" + strconv.FormatUint(uint64(s[i]), 16)
	}
	return strconv.QuoteRune(r)
}

package jsontext

import (
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// escapeLetters has the letter by which a byte is written behind a backslash, 0 for those written \u00XX.
var escapeLetters = [256]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

// escapedBytes has the byte that a letter behind a backslash stands for, 0 if it stands for none. JSON knows one more than we write: \/.
var escapedBytes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// skipEscape checks the escape that begins with the special byte s[i] and returns the index past it.
func skipEscape(s string, i int) (int, error) {
	switch {
	case s[i] != '\\':
		return i, &SyntaxError{Offset: i, Reason: "raw control character " + quoteAt(s, i) + " in a string"}
	case at(s, i+1, 'u'):
		return skipHex(s, i+2)
	case i+1 < len(s) && escapedBytes[s[i+1]] != 0:
		return i + 2, nil
	}
	return i, Unexpected(s, i+1, "an escape")
}

// skipHex checks four hexadecimal digits.
func skipHex(s string, i int) (int, error) {
	for end := i + 4; i < end; i++ {
		if i >= len(s) || hexValue(s[i]) < 0 {
			return i, Unexpected(s, i, "a hexadecimal digit")
		}
	}
	return i, nil
}

// readEscape decodes the checked escape whose backslash is s[i], both halves of a surrogate pair at once.
func readEscape(s string, i int) (rune, int) {
	if s[i+1] == 'u' {
		return readHex(s, i)
	}
	return rune(escapedBytes[s[i+1]]), i + 2
}

func readHex(s string, i int) (rune, int) {
	r := hexRune(s, i)
	i += 6
	if !utf16.IsSurrogate(r) {
		return r, i
	}
	if pair := utf16.DecodeRune(r, hexRune(s, i)); pair != utf8.RuneError {
		return pair, i + 6
	}
	return utf8.RuneError, i
}

// hexRune returns the value of the \uXXXX at s[i], or -1 if there is none.
func hexRune(s string, i int) rune {
	if i+6 > len(s) || s[i] != '\\' || s[i+1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range []byte(s[i+2 : i+6]) {
		r = r<<4 | hexValue(c)
	}
	return r
}

// hexValue returns the value of a hexadecimal digit, or -1.
func hexValue(c byte) rune {
	switch lower := c | 0x20; {
	case isDigit(c):
		return rune(c - '0')
	case lower >= 'a' && lower <= 'f':
		return rune(lower - 'a' + 10)
	}
	return -1
}

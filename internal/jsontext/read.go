package jsontext

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ReadString reads the JSON string that begins at s[i], which must be its opening quote, and returns its value and the index just past
// the closing quote. A value without escapes, and valid UTF-8, is a substring of s: no allocation, and it keeps all of s alive.
//
// Unescaping is that of encoding/json: a lone surrogate, and each byte that is not valid UTF-8, becomes U+FFFD. Raw control characters and
// unknown escapes are errors of type [*SyntaxError].
func ReadString(s string, i int) (v string, end int, err error) {
	if i >= len(s) || s[i] != '"' {
		return "", i, Unexpected(s, i, "a string")
	}
	start := i + 1
	i, ascii := scanSpecial(s, start)
	if i < len(s) && s[i] == '"' && (ascii || utf8.ValidString(s[start:i])) {
		return s[start:i], i + 1, nil
	}
	if end, err = skipString(s, i); err != nil {
		return "", end, err
	}
	return unescape(validate(s[start : end-1])), end, nil
}

// SkipString checks the JSON string that begins at s[i], which must be its opening quote, and returns the index just past
// the closing quote. It accepts and refuses exactly what [ReadString] does.
func SkipString(s string, i int) (end int, err error) {
	if i >= len(s) || s[i] != '"' {
		return i, Unexpected(s, i, "a string")
	}
	return skipString(s, i+1)
}

// skipString is SkipString from an index inside the string.
func skipString(s string, i int) (int, error) {
	for i+wordSize <= len(s) {
		m := markSpecial(loadWord(s, i))
		if m == 0 {
			i += wordSize
			continue
		}
		i += firstMark(m)
		if s[i] == '"' {
			return i + 1, nil
		}
		n, err := skipEscape(s, i)
		if err != nil {
			return i, err
		}
		i = n
	}
	return skipStringTail(s, i)
}

// skipStringTail is skipString where less than a word is left.
func skipStringTail(s string, i int) (int, error) {
	for i < len(s) {
		switch c := s[i]; {
		case c == '"':
			return i + 1, nil
		case isSpecial(c):
			n, err := skipEscape(s, i)
			if err != nil {
				return i, err
			}
			i = n
		default:
			i++
		}
	}
	return i, Unexpected(s, i, "'\"'")
}

// skipEscape checks the escape that begins with the special byte s[i] and returns the index past it.
func skipEscape(s string, i int) (int, error) {
	if s[i] != '\\' {
		return i, &SyntaxError{Offset: i, Reason: "raw control character " + quoteAt(s, i) + " in a string"}
	}
	if i+1 >= len(s) {
		return i, Unexpected(s, i+1, "an escape")
	}
	switch s[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, nil
	case 'u':
		for j := i + 2; j < i+6; j++ {
			if j >= len(s) || hexValue(s[j]) < 0 {
				return i, Unexpected(s, j, "a hexadecimal digit")
			}
		}
		return i + 6, nil
	}
	return i, Unexpected(s, i+1, "an escape")
}

// validate puts U+FFFD for each byte of s that is not valid UTF-8.
func validate(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	n := 0
	for _, r := range s {
		n += utf8.RuneLen(r)
	}
	var b strings.Builder
	b.Grow(n)
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}

// unescape decodes the checked content of a string. It never gets longer.
func unescape(s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.WriteString(s[:i])
		r, end := readEscape(s, i)
		b.WriteRune(r)
		s = s[end:]
		i = strings.IndexByte(s, '\\')
	}
	b.WriteString(s)
	return b.String()
}

// readEscape decodes the checked escape whose backslash is s[i], both halves of a surrogate pair at once.
func readEscape(s string, i int) (rune, int) {
	switch s[i+1] {
	case 'b':
		return '\b', i + 2
	case 'f':
		return '\f', i + 2
	case 'n':
		return '\n', i + 2
	case 'r':
		return '\r', i + 2
	case 't':
		return '\t', i + 2
	case 'u':
		return readHex(s, i)
	}
	return rune(s[i+1]), i + 2
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
		v := hexValue(c)
		if v < 0 {
			return -1
		}
		r = r<<4 | v
	}
	return r
}

// hexValue returns the value of a hexadecimal digit, or -1.
func hexValue(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c - 'a' + 10)
	case c >= 'A' && c <= 'F':
		return rune(c - 'A' + 10)
	}
	return -1
}

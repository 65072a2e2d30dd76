package jsontext

import (
	"strings"
	"unicode/utf8"
)

// ReadString reads the JSON string that begins at s[i], which must be its opening quote, and returns its value and the index just past
// the closing quote. A value without escapes, and valid UTF-8, is a substring of s: no allocation, and it keeps all of s alive.
//
// Unescaping is that of encoding/json: a lone surrogate, and each byte that is not valid UTF-8, becomes U+FFFD. Raw control characters and
// unknown escapes are errors of type [*SyntaxError].
func ReadString(s string, i int) (v string, end int, err error) {
	if !at(s, i, '"') {
		return "", i, Unexpected(s, i, "a string")
	}
	start := i + 1
	i += 1 + plainLen(s[start:])
	if at(s, i, '"') {
		return s[start:i], i + 1, nil
	}
	i, ascii := scanSpecial(s, i)
	if at(s, i, '"') && (ascii || utf8.ValidString(s[start:i])) {
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
	if !at(s, i, '"') {
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

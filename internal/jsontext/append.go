package jsontext

import (
	"slices"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s to dst as a JSON string, quotes included, and reports whether s is valid UTF-8. If it is not, dst comes back with
// its original length: encoding/json would replace the bad bytes silently.
//
// The bytes are those that encoding/json writes with SetEscapeHTML(false), U+2028 and U+2029 escaped as there, with one addition:
// U+FFFE and U+FFFF are escaped too, because they are not XML characters and SQS refuses a body that holds them
// (SendMessage, valid characters: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF).
func AppendString(dst []byte, s string) ([]byte, bool) {
	i := scanPlain(s, 0)
	if i < len(s) {
		return appendEscapes(dst, s, i)
	}
	n := len(dst)
	dst = slices.Grow(dst, len(s)+2)[:n+len(s)+2]
	dst[n] = '"'
	copy(dst[n+1:], s)
	dst[len(dst)-1] = '"'
	return dst, true
}

// appendEscapes is AppendString for a string whose first byte that needs a look is s[i].
func appendEscapes(dst []byte, s string, i int) ([]byte, bool) {
	before := len(dst)
	dst = append(slices.Grow(dst, len(s)+len(`"\u0000"`)), '"')
	done := 0
	for ; i < len(s); i = scanPlain(s, i) {
		if s[i] < utf8.RuneSelf {
			dst = appendEscape(append(dst, s[done:i]...), s[i])
			i++
			done = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return dst[:before], false
		}
		if escapesRune(r) {
			dst = appendHex(append(dst, s[done:i]...), uint16(r))
			done = i + size
		}
		i += size
	}
	return append(append(dst, s[done:]...), '"'), true
}

// appendEscape writes the escape of a quote, a backslash or a control character.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return appendHex(dst, uint16(c))
}

// escapesRune tells which valid characters beyond ASCII are written escaped.
func escapesRune(r rune) bool { return r|1 == '\u2029' || r|1 == '\uFFFF' }

func appendHex(dst []byte, u uint16) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&0xf], hexDigits[u>>4&0xf], hexDigits[u&0xf])
}

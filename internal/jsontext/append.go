package jsontext

import (
	"encoding/binary"
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
	before := len(dst)
	dst, i := copyPlain(append(slices.Grow(dst, len(s)+slack), '"'), s)
	if i == len(s) {
		return append(dst, '"'), true
	}
	if !utf8.ValidString(s[i:]) {
		return dst[:before], false
	}
	return appendText(dst, s, i), true
}

// slack is the room behind a string that a word beyond it and the quotes may use.
const slack = len(`""`) + wordSize

// copyPlain appends s up to the first byte that needs a look, and returns the index of that. Each word goes over whole, and what is too much of
// the last is written over later, so that looking and copying are one pass. dst has room for s and the slack.
func copyPlain(dst []byte, s string) ([]byte, int) {
	n := len(dst)
	i := 0
	for ; i+wordSize <= len(s); i += wordSize {
		w := loadWord(s, i)
		binary.LittleEndian.PutUint64(dst[n+i:cap(dst)], w)
		if m := markPlainEnd(w); m != 0 {
			i += firstMark(m)
			return dst[:n+i], i
		}
	}
	if i < len(s) {
		w := loadTail(s, i)
		binary.LittleEndian.PutUint64(dst[n+i:cap(dst)], w)
		i = min(len(s), i+firstMark(markPlainEnd(w)))
	}
	return dst[:n+i], i
}

// appendText appends the rest of s from i on, which is valid UTF-8, and the closing quote.
func appendText(dst []byte, s string, i int) []byte {
	for i < len(s) {
		switch c := s[i]; {
		case isSpecial(c):
			dst = appendEscape(dst, c)
			i++
		case c == leadLineSeparator || c == leadNonchar:
			dst = appendTriple(dst, s[i:i+3])
			i += 3
		}
		start := i
		i = scanText(s, i)
		dst = append(dst, s[start:i]...)
	}
	return append(dst, '"')
}

// appendTriple appends a character of three bytes, escaped if it has to be.
func appendTriple(dst []byte, c string) []byte {
	if r, _ := utf8.DecodeRuneInString(c); r|1 == '\u2029' || r|1 == '\uFFFF' {
		return appendHex(dst, uint16(r))
	}
	return append(dst, c...)
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

func appendHex(dst []byte, u uint16) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&0xf], hexDigits[u>>4&0xf], hexDigits[u&0xf])
}

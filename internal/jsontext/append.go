package jsontext

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// AppendString appends s to dst as a JSON string, quotes included, and reports whether s is valid UTF-8. If it is not, dst comes back with
// its original length: encoding/json would replace the bad bytes silently.
//
// The bytes are those that encoding/json writes with SetEscapeHTML(false), U+2028 and U+2029 escaped as there, with one addition:
// U+FFFE and U+FFFF are escaped too, because they are not XML characters and SQS refuses a body that holds them
// (SendMessage, valid characters: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF).
//
// Copying s and looking at it are one pass; bytes of dst beyond the result may be written.
func AppendString(dst []byte, s string) ([]byte, bool) {
	n := len(dst)
	if cap(dst)-n < len(s)+slack {
		dst = grow(dst, len(s))
	}
	dst = dst[:n+1]
	dst[n] = '"'
	i := copyPlain(dst, s)
	if i < len(s) {
		return appendRest(dst[:n+1+i], s, i)
	}
	return dst[:n+len(`""`)+i], true
}

// slack is the room behind a string that the quotes and a word beyond it may use.
const slack = len(`""`) + wordSize

// grow makes room for n bytes and the slack. It is a function of its own to keep its caller short.
//
//go:noinline
func grow(dst []byte, n int) []byte { return slices.Grow(dst, n+slack) }

// appendRest is AppendString once the opening quote and s[:i], which is plain, are written. As long as s is ASCII there is nothing to validate.
func appendRest(dst []byte, s string, i int) ([]byte, bool) {
	n := len(dst) - i - len(`"`)
	for s[i] < utf8.RuneSelf {
		dst = appendEscape(dst, s[i])
		i++
		if cap(dst)-len(dst) < len(s)-i+slack {
			dst = grow(dst, len(s)-i)
		}
		plain := copyPlain(dst, s[i:])
		i += plain
		if i == len(s) {
			return dst[:len(dst)+plain+len(`"`)], true
		}
		dst = dst[:len(dst)+plain]
	}
	if !utf8.ValidString(s[i:]) {
		return dst[:n], false
	}
	return append(appendText(dst, s, i), '"'), true
}

// appendText appends s from i on, which is valid UTF-8.
func appendText(dst []byte, s string, i int) []byte {
	dst, i = copyText(dst, s, i)
	for i < len(s) {
		if c := s[i]; isSpecial(c) {
			dst = appendEscape(dst, c)
			i++
		} else {
			dst = appendTriple(dst, s[i:i+3])
			i += 3
		}
		dst, i = copyText(dst, s, i)
	}
	return dst
}

// copyText appends s from i up to the first byte that markText marks, and returns the index of that.
func copyText(dst []byte, s string, i int) ([]byte, int) {
	if cap(dst)-len(dst) < len(s)-i+slack {
		dst = grow(dst, len(s)-i)
	}
	n := len(dst) - i
	for ; i+wordSize <= len(s); i += wordSize {
		w := loadWord(s, i)
		binary.LittleEndian.PutUint64(dst[n+i:cap(dst)], w)
		if m := markText(w); m != 0 {
			i += firstMark(m)
			return dst[:n+i], i
		}
	}
	w := loadTail(s, i)
	binary.LittleEndian.PutUint64(dst[n+i:cap(dst)], w)
	i = min(len(s), i+firstMark(markText(w)))
	return dst[:n+i], i
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
	if letter := escapeLetters[c]; letter != 0 {
		return append(dst, '\\', letter)
	}
	return appendHex(dst, uint16(c))
}

func appendHex(dst []byte, u uint16) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&0xf], hexDigits[u>>4&0xf], hexDigits[u&0xf])
}

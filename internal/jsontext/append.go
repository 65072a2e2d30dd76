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
// Each word of s is copied whole before it is looked at, so that copying and looking are one pass; bytes of dst beyond the result may be written.
func AppendString(dst []byte, s string) ([]byte, bool) {
	n := len(dst)
	if cap(dst)-n < len(s)+slack {
		dst = grow(dst, len(s))
	}
	b := dst[n : n+len(s)+slack]
	b[0] = '"'
	i := 0
	for ; i+2*wordSize <= len(s); i += 2 * wordSize {
		from, to := s[i:i+2*wordSize], b[1+i:1+i+2*wordSize]
		v, w := loadWord(from, 0), loadWord(from, wordSize)
		binary.LittleEndian.PutUint64(to, v)
		binary.LittleEndian.PutUint64(to[wordSize:], w)
		if markPlainEnd(v)|markPlainEnd(w) != 0 {
			return appendRest(dst[:n+1+i], s, i)
		}
	}
	if i+wordSize <= len(s) {
		w := loadWord(s, i)
		binary.LittleEndian.PutUint64(b[1+i:], w)
		if markPlainEnd(w) != 0 {
			return appendRest(dst[:n+1+i], s, i)
		}
		i += wordSize
	}
	if i < len(s) && !copyTail(b[1:], s) {
		return appendRest(dst[:n+1+i], s, i)
	}
	b[1+len(s)] = '"'
	return dst[:n+len(`""`)+len(s)], true
}

// copyTail copies the last word of s to where it belongs in b, again some of what is there, and reports whether it is plain. Of a string shorter
// than a word it copies all.
func copyTail(b []byte, s string) bool {
	if len(s) < wordSize {
		w := loadTail(s, 0)
		binary.LittleEndian.PutUint64(b, w)
		return markPlainEnd(w) == 0
	}
	i := len(s) - wordSize
	w := loadWord(s, i)
	binary.LittleEndian.PutUint64(b[i:], w)
	return markPlainEnd(w) == 0
}

// slack is the room behind a string that the quotes and a word beyond it may use.
const slack = len(`""`) + wordSize

// grow makes room for n bytes and the slack. It is a function of its own to keep its caller short.
//
//go:noinline
func grow(dst []byte, n int) []byte { return slices.Grow(dst, n+slack) }

// appendRest is AppendString once the opening quote and s[:i], which is plain, are written.
func appendRest(dst []byte, s string, i int) ([]byte, bool) {
	if !utf8.ValidString(s[i:]) {
		return dst[:len(dst)-i-len(`"`)], false
	}
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
	return append(dst, '"'), true
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

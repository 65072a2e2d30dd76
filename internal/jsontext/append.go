package jsontext

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendString appends s to dst as a JSON string, quotes included, and reports whether s
// is valid UTF-8. If it is not, dst comes back with its original length: encoding/json
// would replace the bad bytes silently.
//
// The bytes are those that encoding/json writes with SetEscapeHTML(false), U+2028 and
// U+2029 escaped as there, with one addition: U+FFFE and U+FFFF are escaped too, because
// they are not XML characters and SQS refuses a body that holds them (SendMessage, valid
// characters: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF).
//
// Copying s and looking at it are one pass; bytes of dst beyond the result may be
// written.
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

// grow makes room for n bytes and the slack. It is a separate function to keep its
// caller short.
//
//go:noinline
func grow(dst []byte, n int) []byte { return slices.Grow(dst, n+slack) }

// appendRest is AppendString once the opening quote and s[:i], which is plain, are
// written. As long as s is ASCII there is nothing to validate.
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

// copyText appends s from i up to the first byte that markText marks, and returns the
// index of that byte.
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

const hexDigits = "0123456789abcdef"

// escapeLetters has the letter by which a byte is written behind a backslash, 0 for those
// written \u00XX.
var escapeLetters = [256]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

// escapedBytes has the byte that a letter behind a backslash stands for, 0 if it stands
// for none. JSON knows one more than we write: \/.
var escapedBytes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// skipEscape checks the escape that begins with the special byte s[i] and returns the
// index past it.
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

// readEscape decodes the checked escape whose backslash is s[i], both halves of a
// surrogate pair at once.
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

// ErrInvalidUTF8 says that text which should go to SQS holds bytes that are not UTF-8.
var ErrInvalidUTF8 = errors.New("invalid UTF-8")

// nonchars begins the UTF-8 form of U+FFFE and U+FFFF; no other character but U+FFC0 to
// U+FFFD shares it.
const nonchars = "\xef\xbf"

// AppendCompact checks that s is one JSON value, appends it to dst without insignificant
// white space, as json.Compact does, and escapes U+FFFE and U+FFFF, which SQS refuses.
// The error is a [*SyntaxError] or [ErrInvalidUTF8]; dst is then returned unchanged.
func AppendCompact(dst []byte, s string) ([]byte, error) {
	end, err := SkipValue(s, SkipSpace(s, 0))
	if err != nil {
		return dst, err
	}
	end = SkipSpace(s, end)
	if end < len(s) {
		return dst, Unexpected(s, end, "the end")
	}
	if !utf8.ValidString(s) {
		return dst, ErrInvalidUTF8
	}
	return appendCompact(dst, s), nil
}

// appendCompact is AppendCompact for checked text.
func appendCompact(dst []byte, s string) []byte {
	for i := SkipSpace(s, 0); i < len(s); i = SkipSpace(s, i) {
		start := i
		if s[i] == '"' {
			i, _ = skipString(s, i+1)
			dst = appendEscaped(dst, s[start:i])
			continue
		}
		for i < len(s) && s[i] != '"' && s[i] > ' ' {
			i++
		}
		dst = append(dst, s[start:i]...)
	}
	return dst
}

// appendEscaped appends the text of a string, quotes included, with U+FFFE and U+FFFF
// escaped.
func appendEscaped(dst []byte, s string) []byte {
	for {
		i := strings.Index(s, nonchars)
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		if c := s[i+2]; c >= 0xbe {
			dst = appendHex(dst, 0xff00|uint16(c|0xc0))
		} else {
			dst = append(dst, s[i:i+3]...)
		}
		s = s[i+3:]
	}
}

package jsontext

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// ErrInvalidUTF8 says that text which should go to SQS holds bytes that are not UTF-8.
var ErrInvalidUTF8 = errors.New("invalid UTF-8")

// nonchars begins the UTF-8 form of U+FFFE and U+FFFF; no other character but U+FFC0 to U+FFFD shares it.
const nonchars = "\xef\xbf"

// AppendCompact checks that s is one JSON value, appends it to dst without insignificant white space, as json.Compact does,
// and escapes U+FFFE and U+FFFF, which SQS refuses. The error is a [*SyntaxError] or [ErrInvalidUTF8]; dst then comes back as it was.
func AppendCompact(dst []byte, s string) ([]byte, error) {
	end, err := SkipValue(s, SkipSpace(s, 0))
	if err != nil {
		return dst, err
	}
	if end = SkipSpace(s, end); end < len(s) {
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

// appendEscaped appends the text of a string, quotes included, with U+FFFE and U+FFFF escaped.
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

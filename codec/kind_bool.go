package codec

import (
	"strconv"
	"strings"
)

// boolKind is bool and the types made of it.
type boolKind struct{}

// encode copies a word, which is an instruction where appending four or five bytes is a call.
func (*boolKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	room := dst[len(dst):cap(dst)]
	if len(room) < wordSize {
		return strconv.AppendBool(dst, p.boolean()), nil
	}
	if p.boolean() {
		copy(room[:wordSize], "true    ")
		return dst[:len(dst)+len("true")], nil
	}
	copy(room[:wordSize], "false   ")
	return dst[:len(dst)+len("false")], nil
}

func (*boolKind) decode(s string, i int, p place, _ int) (int, *Error) {
	rest := s[min(i, len(s)):]
	switch {
	case strings.HasPrefix(rest, "true"):
		p.setBool(true)
		return i + len("true"), nil
	case strings.HasPrefix(rest, "false"):
		p.setBool(false)
		return i + len("false"), nil
	}
	return nullOr(s, i, "bool")
}

package codec

import (
	"strconv"
	"strings"
)

// boolKind is bool and the types made of it.
type boolKind struct{}

func (*boolKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	return strconv.AppendBool(dst, p.boolean()), nil
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

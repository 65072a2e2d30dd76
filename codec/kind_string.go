package codec

import "github.com/taskhawk/taskhawk-go/internal/jsontext"

// stringKind is string and the types made of it.
type stringKind struct{}

func (*stringKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	dst, ok := jsontext.AppendString(dst, p.str())
	if !ok {
		return dst, notUTF8()
	}
	return dst, nil
}

func (*stringKind) decode(s string, i int, p place, _ int) (int, *Error) {
	if !at(s, i, '"') {
		return nullOr(s, i, "string")
	}
	v, end, err := jsontext.ReadString(s, i)
	if err != nil {
		return end, syntaxError(err)
	}
	p.setStr(v)
	return end, nil
}

// appendString appends a string, which has to be valid UTF-8.
func appendString(dst []byte, s string) ([]byte, *Error) {
	dst, ok := jsontext.AppendString(dst, s)
	if !ok {
		return dst, notUTF8()
	}
	return dst, nil
}

func notUTF8() *Error { return newError(ErrInvalidUTF8, "a string holds bytes that JSON cannot carry") }

package codec

import "encoding/base64"

// bytesKind is a slice of bytes, in JSON a string of standard base64.
type bytesKind struct {
	elements sliceDecoder // an array of numbers is read as well
}

func (*bytesKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	if p.isNil() {
		return appendNull(dst), nil
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, p.bytes())
	return append(dst, '"'), nil
}

func (k *bytesKind) decode(s string, i int, p place, depth int) (int, *Error) {
	if !at(s, i, '"') {
		return k.elements.decode(s, i, p, depth)
	}
	text, end, err := readString(s, i)
	if err != nil {
		return end, err
	}
	b, bad := base64.StdEncoding.DecodeString(text)
	if bad != nil {
		return i, newCausedError(ErrWrongType, "got string that is not base64, want "+k.elements.typ.String(), bad)
	}
	p.setBytes(b)
	return end, nil
}

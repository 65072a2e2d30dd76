package codec

import (
	"reflect"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// arrayEncoder writes an array of fixed length.
type arrayEncoder struct {
	length int
	size   uintptr // of an element, in bytes
	elem   encoder
}

func (k *arrayEncoder) encode(dst []byte, p place, w *walk) ([]byte, *Error) {
	dst = append(dst, '[')
	for i := range k.length {
		var err *Error
		if dst, err = k.elem.encode(dst, p.arrayIndex(i, k.size), w); err != nil {
			return dst, err.underIndex(i)
		}
		dst = append(dst, ',')
	}
	return closeArray(dst), nil
}

// arrayDecoder reads an array of fixed length: elements that JSON lacks become zero, those it has too many are skipped.
type arrayDecoder struct {
	typ  reflect.Type
	size uintptr // of an element, in bytes
	elem decoder
}

func (k *arrayDecoder) decode(s string, i int, p place, depth int) (int, *Error) {
	if !at(s, i, '[') {
		return nullOr(s, i, k.typ.String())
	}
	if depth >= jsontext.MaxDepth {
		return i, tooDeep()
	}
	n := 0
	i, done := enter(s, i, ']')
	for !done {
		var err *Error
		if n < k.typ.Len() {
			i, err = k.elem.decode(s, i, p.arrayIndex(n, k.size), depth+1)
		} else {
			i, err = skip(s, i)
		}
		if err != nil {
			return i, err.underIndex(n)
		}
		n++
		if i, done, err = leave(s, i, ']'); err != nil {
			return i, err
		}
	}
	for ; n < k.typ.Len(); n++ {
		p.arrayIndex(n, k.size).value(k.typ.Elem()).SetZero()
	}
	return i, nil
}

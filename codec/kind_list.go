package codec

import (
	"reflect"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// sliceEncoder writes a slice as an array, and null for nil.
type sliceEncoder struct {
	size uintptr // of an element, in bytes
	elem encoder
}

func (k *sliceEncoder) encode(dst []byte, p place, w *walk) ([]byte, *Error) {
	if p.isNil() {
		return appendNull(dst), nil
	}
	n := p.sliceLen()
	if err := w.enter(step{by: k, address: p.identity(), length: n}); err != nil {
		return dst, err
	}
	dst = append(dst, '[')
	for i := range n {
		var err *Error
		if dst, err = k.elem.encode(dst, p.sliceIndex(i, k.size), w); err != nil {
			return dst, err.underIndex(i)
		}
		dst = append(dst, ',')
	}
	w.leave()
	return closeArray(dst), nil
}

// sliceDecoder reads an array into a slice, over the elements that it has already. A null
// sets it to nil.
type sliceDecoder struct {
	typ  reflect.Type
	size uintptr // of an element, in bytes
	elem decoder
}

func (k *sliceDecoder) decode(s string, i int, p place, depth int) (int, *Error) {
	if !at(s, i, '[') {
		return k.decodeOther(s, i, p)
	}
	if depth >= jsontext.MaxDepth {
		return i, tooDeep()
	}
	n := 0
	start := i
	i, done := enter(s, i, ']')
	for !done {
		var err *Error
		if n == p.sliceCap() {
			p.value(k.typ).Grow(growth(n, i-start, len(s)-i))
		}
		if n >= p.sliceLen() {
			p.setSliceLen(n + 1)
		}
		if i, err = k.elem.decode(s, i, p.sliceIndex(n, k.size), depth+1); err != nil {
			return i, err.underIndex(n)
		}
		n++
		if isComma(s, i) {
			i++
		} else if i, done, err = leave(s, i, ']'); err != nil {
			return i, err
		}
	}
	if n == 0 {
		p.value(k.typ).Set(reflect.MakeSlice(k.typ, 0, 0))
	}
	p.setSliceLen(n)
	return i, nil
}

func (k *sliceDecoder) decodeOther(s string, i int, p place) (int, *Error) {
	if isNull(s, i) {
		p.value(k.typ).SetZero()
		return i + len("null"), nil
	}
	return i, wrongType(s, i, typeName(k.typ))
}

// growth returns how many more elements to make room for, after n elements took read
// bytes and left bytes follow, in this array or after it. The estimate fits the last
// growth; the limit of four times bounds it if the first elements are unlike the rest.
func growth(n, read, left int) int {
	if n == 0 {
		return 4
	}
	return max(1, min(3*n, left*n/read+1))
}

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

// arrayDecoder reads an array of fixed length: missing elements become zero, extra ones
// are skipped.
type arrayDecoder struct {
	typ  reflect.Type
	size uintptr // of an element, in bytes
	elem decoder
}

func (k *arrayDecoder) decode(s string, i int, p place, depth int) (int, *Error) {
	if !at(s, i, '[') {
		return nullOr(s, i, typeName(k.typ))
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

// pointerEncoder writes the value that a pointer points at, and null for nil.
type pointerEncoder struct{ elem encoder }

func (k *pointerEncoder) encode(dst []byte, p place, w *walk) ([]byte, *Error) {
	to, ok := p.target()
	if !ok {
		return appendNull(dst), nil
	}
	if err := w.enter(step{by: k, address: p.identity()}); err != nil {
		return dst, err
	}
	dst, err := k.elem.encode(dst, to, w)
	w.leave()
	return dst, err
}

// pointerDecoder reads into the value that a pointer points at, a new one if it is nil.
// A null sets the pointer to nil.
type pointerDecoder struct {
	typ, elemType reflect.Type
	elem          decoder
}

func (k *pointerDecoder) decode(s string, i int, p place, depth int) (int, *Error) {
	if isNull(s, i) {
		p.value(k.typ).SetZero()
		return i + len("null"), nil
	}
	return k.elem.decode(s, i, p.allocate(k.elemType), depth)
}

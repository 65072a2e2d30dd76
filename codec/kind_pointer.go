package codec

import "reflect"

// pointerEncoder writes what a pointer points at, and null for nil.
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

// pointerDecoder reads into what a pointer points at, a new value if it is nil. A null sets it to nil.
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

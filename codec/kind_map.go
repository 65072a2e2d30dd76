package codec

import (
	"reflect"
	"sync"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// mapEncoder writes a map as an object in the order of its keys, and null for nil.
type mapEncoder struct {
	typ     reflect.Type
	key     keyName
	elem    encoder
	cursors sync.Pool // of *mapCursor
}

// mapCursor is reusable memory for going through one map.
type mapCursor struct {
	iter      reflect.MapIter
	key, elem reflect.Value
}

// cursor returns a cursor at the beginning of m. One that a panic in a Marshaler cuts short is not given back.
func (k *mapEncoder) cursor(m reflect.Value) *mapCursor {
	c, ok := k.cursors.Get().(*mapCursor)
	if !ok {
		c = &mapCursor{key: reflect.New(k.typ.Key()).Elem(), elem: reflect.New(k.typ.Elem()).Elem()}
	}
	c.iter.Reset(m)
	return c
}

// release gives a cursor back without what it holds of the map.
func (k *mapEncoder) release(c *mapCursor) {
	c.iter.Reset(reflect.Value{})
	c.key.SetZero()
	c.elem.SetZero()
	k.cursors.Put(c)
}

func (k *mapEncoder) encode(dst []byte, p place, w *walk) ([]byte, *Error) {
	m := p.value(k.typ)
	if m.IsNil() {
		return appendNull(dst), nil
	}
	if err := w.enter(step{by: k, address: m.Pointer()}); err != nil {
		return dst, err
	}
	start, base := len(dst), len(w.entries)
	dst, err := k.writeEntries(dst, m, w)
	if err != nil {
		return dst, err
	}
	w.leave()
	return closeObject(w.order(dst, base), start), nil
}

// writeEntries appends ,"key":value for each entry, in the order of the map, and notes them in w.
func (k *mapEncoder) writeEntries(dst []byte, m reflect.Value, w *walk) ([]byte, *Error) {
	c := k.cursor(m)
	for c.iter.Next() {
		var err *Error
		if dst, err = k.writeEntry(dst, c, w); err != nil {
			return dst, err
		}
	}
	k.release(c)
	return dst, nil
}

func (k *mapEncoder) writeEntry(dst []byte, c *mapCursor, w *walk) ([]byte, *Error) {
	start := len(dst)
	c.key.SetIterKey(&c.iter)
	key, err := k.key(c.key)
	if err != nil {
		return dst, err
	}
	if dst, err = appendString(append(dst, ','), key); err != nil {
		return dst, err.underEntry()
	}
	dst = append(dst, ':')
	c.elem.SetIterValue(&c.iter)
	if dst, err = k.elem.encode(dst, placeOf(c.elem), w); err != nil {
		return dst, err.underEntry()
	}
	w.entries = append(w.entries, entry{key: key, start: start, end: len(dst)})
	return dst, nil
}

// mapDecoder reads an object into a map, beside the entries that it has already. A null sets it to nil.
type mapDecoder struct {
	typ  reflect.Type
	key  keyParser
	elem decoder
}

func (k *mapDecoder) decode(s string, i int, p place, depth int) (int, *Error) {
	if isNull(s, i) {
		p.value(k.typ).SetZero()
		return i + len("null"), nil
	}
	if !at(s, i, '{') || k.key == nil {
		return i, wrongType(s, i, k.typ.String())
	}
	if depth >= jsontext.MaxDepth {
		return i, tooDeep()
	}
	m := p.value(k.typ)
	if m.IsNil() {
		m.Set(reflect.MakeMap(k.typ))
	}
	return k.decodeEntries(s, i, m, depth+1)
}

func (k *mapDecoder) decodeEntries(s string, i int, m reflect.Value, depth int) (int, *Error) {
	i, done := enter(s, i, '}')
	if done {
		return i, nil
	}
	key := reflect.New(k.typ.Key()).Elem()
	elem := reflect.New(k.typ.Elem()).Elem()
	for !done {
		name, next, err := readKey(s, i)
		if err != nil {
			return next, err
		}
		if err = k.key(name, key); err != nil {
			return i, err.underEntry()
		}
		elem.SetZero()
		if i, err = k.elem.decode(s, next, placeOf(elem), depth); err != nil {
			return i, err.underEntry()
		}
		m.SetMapIndex(key, elem)
		if i, done, err = leave(s, i, '}'); err != nil {
			return i, err
		}
	}
	return i, nil
}

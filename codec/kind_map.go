package codec

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
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

// cursor returns a cursor at the beginning of m. A cursor that ends by a panic in a
// Marshaler is not put back.
func (k *mapEncoder) cursor(m reflect.Value) *mapCursor {
	c, ok := k.cursors.Get().(*mapCursor)
	if !ok {
		c = &mapCursor{key: reflect.New(k.typ.Key()).Elem(), elem: reflect.New(k.typ.Elem()).Elem()}
	}
	c.iter.Reset(m)
	return c
}

// release clears a cursor and puts it back.
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

// writeEntries appends ,"key":value for each entry, in the order of the map, and notes
// them in w.
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

// mapDecoder reads an object into a map, which keeps its other entries. A null sets it to
// nil.
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
		return i, wrongType(s, i, typeName(k.typ))
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

// stringMapKind is map[string]string and the types made of it, without reflection, since
// it is the most frequent map in messages.
type stringMapKind struct{ generic mapDecoder }

func (k *stringMapKind) encode(dst []byte, p place, w *walk) ([]byte, *Error) {
	if p.isNil() {
		return appendNull(dst), nil
	}
	first, base := len(dst), len(w.entries)
	for key, value := range *p.stringMap() {
		start := len(dst)
		var err *Error
		if dst, err = appendString(append(dst, ','), key); err != nil {
			return dst, err.underEntry()
		}
		dst = append(dst, ':')
		if dst, err = appendString(dst, value); err != nil {
			return dst, err.underEntry()
		}
		w.entries = append(w.entries, entry{key: key, start: start, end: len(dst)})
	}
	return closeObject(w.order(dst, base), first), nil
}

func (k *stringMapKind) decode(s string, i int, p place, depth int) (int, *Error) {
	if !at(s, i, '{') || depth >= jsontext.MaxDepth {
		return k.generic.decode(s, i, p, depth)
	}
	into := stringEntries{m: *p.stringMap()}
	i, done := enter(s, i, '}')
	for !done {
		key, next, err := readKey(s, i)
		if err != nil {
			return next, err
		}
		value := ""
		if i, err = (*stringKind)(nil).decode(s, next, placeAt(&value), depth+1); err != nil {
			return i, err.underEntry()
		}
		into.add(key, value)
		if i, done, err = leave(s, i, '}'); err != nil {
			return i, err
		}
	}
	*p.stringMap() = into.finish()
	return i, nil
}

// stringEntries fills a map. It makes the map when it knows how many entries there are,
// or that they are many: growing a map costs more than reading its entries.
type stringEntries struct {
	m            map[string]string // nil while the entries wait
	keys, values [16]string
	waiting      int
}

func (e *stringEntries) add(key, value string) {
	if e.m == nil && e.waiting == len(e.keys) {
		e.create(2 * e.waiting)
	}
	if e.m != nil {
		e.m[key] = value
		return
	}
	e.keys[e.waiting], e.values[e.waiting] = key, value
	e.waiting++
}

// finish returns the map with all entries in it.
func (e *stringEntries) finish() map[string]string {
	if e.m == nil {
		e.create(e.waiting)
	}
	return e.m
}

// create makes the map and adds the entries that wait.
func (e *stringEntries) create(size int) {
	e.m = make(map[string]string, size)
	for i := range e.waiting {
		e.m[e.keys[i]] = e.values[i]
	}
}

// keyName returns the name that a map key has in JSON.
type keyName func(key reflect.Value) (string, *Error)

// keyParser sets key, which is settable, to the value of a name in JSON.
type keyParser func(name string, key reflect.Value) *Error

// keyNameOf returns the keyName of a key type, nil if encoding/json cannot write it:
// strings as they are, then encoding.TextMarshaler, then integers in decimal.
func keyNameOf(t reflect.Type) keyName {
	switch {
	case t.Kind() == reflect.String:
		return func(key reflect.Value) (string, *Error) { return key.String(), nil }
	case t.Implements(textMarshalerType):
		return textKeyName
	case isSigned(t.Kind()):
		return func(key reflect.Value) (string, *Error) { return strconv.FormatInt(key.Int(), 10), nil }
	case isUnsigned(t.Kind()):
		return func(key reflect.Value) (string, *Error) { return strconv.FormatUint(key.Uint(), 10), nil }
	}
	return nil
}

func textKeyName(key reflect.Value) (string, *Error) {
	if (key.Kind() == reflect.Pointer || key.Kind() == reflect.Interface) && key.IsNil() {
		return "", nil
	}
	m, _ := reflect.TypeAssert[encoding.TextMarshaler](key)
	text, err := m.MarshalText()
	if err != nil {
		return "", newCausedError(
			ErrUnsupportedValue,
			"MarshalText of map key "+typeName(key.Type())+" failed",
			err,
		).underEntry()
	}
	return string(text), nil
}

// keyParserOf returns the keyParser of a key type, nil if encoding/json cannot read it:
// encoding.TextUnmarshaler first, then strings and integers.
func keyParserOf(t reflect.Type) keyParser {
	switch pointer := reflect.PointerTo(t); {
	case pointer.Implements(textUnmarshalerType):
		return keyMethodOf(pointer)
	case t.Kind() == reflect.String:
		return func(name string, key reflect.Value) *Error { key.SetString(name); return nil }
	case isSigned(t.Kind()):
		return parseSignedKey
	case isUnsigned(t.Kind()):
		return parseUnsignedKey
	}
	return nil
}

// keyMethodOf prefers UnmarshalJSON if a key type has both, as encoding/json does.
func keyMethodOf(pointer reflect.Type) keyParser {
	if pointer.Implements(unmarshalerType) {
		return func(name string, key reflect.Value) *Error {
			key.SetZero()
			quoted, _ := jsontext.AppendString(nil, name)
			u, _ := reflect.TypeAssert[json.Unmarshaler](key.Addr())
			return keyFault(key, u.UnmarshalJSON(quoted))
		}
	}
	return func(name string, key reflect.Value) *Error {
		key.SetZero()
		u, _ := reflect.TypeAssert[encoding.TextUnmarshaler](key.Addr())
		return keyFault(key, u.UnmarshalText([]byte(name)))
	}
}

func parseSignedKey(name string, key reflect.Value) *Error {
	x, err := strconv.ParseInt(name, 10, key.Type().Bits())
	key.SetInt(x)
	return keyFault(key, err)
}

func parseUnsignedKey(name string, key reflect.Value) *Error {
	x, err := strconv.ParseUint(name, 10, key.Type().Bits())
	key.SetUint(x)
	return keyFault(key, err)
}

func keyFault(key reflect.Value, err error) *Error {
	if err == nil {
		return nil
	}
	return newCausedError(ErrWrongType, "a key does not fit "+typeName(key.Type()), err)
}

func isSigned(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Int64 }

func isUnsigned(k reflect.Kind) bool { return k >= reflect.Uint && k <= reflect.Uintptr }

package codec

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// The interfaces by which a type brings its own JSON form, and the two types of the
// standard library that have their own kind here.
var (
	marshalerType       = reflect.TypeFor[json.Marshaler]()
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	numberType          = reflect.TypeFor[json.Number]()
	timeType            = reflect.TypeFor[time.Time]()
)

// receiver returns the value whose methods are called: the pointer to p for most types,
// so that nothing is copied, and the value itself for pointers and interfaces. It is nil
// where encoding/json writes null instead of calling.
func receiver(t reflect.Type, p place) any {
	v := p.value(t)
	if k := t.Kind(); k != reflect.Pointer && k != reflect.Interface {
		return v.Addr().Interface()
	}
	if v.IsNil() {
		return nil
	}
	return v.Interface()
}

// marshalEncoder writes the result of a type's MarshalJSON, compacted.
type marshalEncoder struct{ typ reflect.Type }

func (k *marshalEncoder) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	m, ok := receiver(k.typ, p).(json.Marshaler)
	if !ok {
		return appendNull(dst), nil
	}
	text, err := m.MarshalJSON()
	if err != nil {
		return dst, newCausedError(ErrUnsupportedValue, "MarshalJSON of "+typeName(k.typ)+" failed", err)
	}
	dst, err = jsontext.AppendCompact(dst, string(text))
	switch {
	case errors.Is(err, jsontext.ErrInvalidUTF8):
		return dst, newError(ErrInvalidUTF8, "MarshalJSON of "+typeName(k.typ)+" returned bytes that JSON cannot carry")
	case err != nil:
		return dst, newCausedError(
			ErrUnsupportedValue,
			"MarshalJSON of "+typeName(k.typ)+" returned invalid JSON",
			err,
		)
	}
	return dst, nil
}

// textEncoder writes the result of a type's MarshalText, as a string.
type textEncoder struct{ typ reflect.Type }

func (k *textEncoder) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	m, ok := receiver(k.typ, p).(encoding.TextMarshaler)
	if !ok {
		return appendNull(dst), nil
	}
	text, err := m.MarshalText()
	if err != nil {
		return dst, newCausedError(ErrUnsupportedValue, "MarshalText of "+typeName(k.typ)+" failed", err)
	}
	return appendString(dst, string(text))
}

// unmarshalDecoder gives a copy of the value's text to the type's own UnmarshalJSON,
// nulls too.
type unmarshalDecoder struct{ typ reflect.Type }

func (k *unmarshalDecoder) decode(s string, i int, p place, _ int) (int, *Error) {
	end, err := skip(s, i)
	if err != nil {
		return end, err
	}
	u, _ := reflect.TypeAssert[json.Unmarshaler](p.value(k.typ).Addr())
	if bad := u.UnmarshalJSON([]byte(s[i:end])); bad != nil {
		return i, refused(s, i, k.typ, bad)
	}
	return end, nil
}

// textDecoder gives a string's value to the type's UnmarshalText. A null has the effect
// that it has on the kind of the type.
type textDecoder struct{ typ reflect.Type }

func (k *textDecoder) decode(s string, i int, p place, _ int) (int, *Error) {
	if !at(s, i, '"') {
		if isNull(s, i) && isNilable(k.typ.Kind()) {
			p.value(k.typ).SetZero()
		}
		return nullOr(s, i, typeName(k.typ))
	}
	text, end, err := readString(s, i)
	if err != nil {
		return end, err
	}
	u, _ := reflect.TypeAssert[encoding.TextUnmarshaler](p.value(k.typ).Addr())
	if bad := u.UnmarshalText([]byte(text)); bad != nil {
		return i, refused(s, i, k.typ, bad)
	}
	return end, nil
}

// refused returns the error of a value that the type's method refused.
func refused(s string, i int, t reflect.Type, cause error) *Error {
	return newCausedError(ErrWrongType, "got "+kindAt(s, i)+" that "+typeName(t)+" refuses", cause)
}

// isNilable reports whether a type with methods on its pointer can be nil. Pointers and
// interfaces are not among them.
func isNilable(k reflect.Kind) bool { return k == reflect.Map || k == reflect.Slice }

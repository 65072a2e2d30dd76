package codec

import (
	"encoding/json"
	"reflect"
	"strconv"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// anyEncoder writes the value in an interface by its own type, and null for nil.
type anyEncoder struct{ typ reflect.Type }

func (k *anyEncoder) encode(dst []byte, p place, w *walk) ([]byte, *Error) {
	if p.isNil() {
		return appendNull(dst), nil
	}
	if k.typ.NumMethod() == 0 {
		return appendAny(dst, p.value(k.typ).Interface(), w)
	}
	return appendDynamic(dst, p.value(k.typ).Elem(), w)
}

// appendAny writes the types of decoded JSON directly, and all others by their plan.
func appendAny(dst []byte, x any, w *walk) ([]byte, *Error) {
	switch x := x.(type) {
	case nil:
		return appendNull(dst), nil
	case string:
		return appendString(dst, x)
	case bool:
		return strconv.AppendBool(dst, x), nil
	case int:
		return appendInt(dst, int64(x)), nil
	case float64:
		return appendFloat64(dst, x)
	case json.Number:
		return appendNumber(dst, string(x))
	}
	return appendDynamic(dst, reflect.ValueOf(x), w)
}

// appendDynamic writes a value from an interface. The value has no address, so methods
// with pointer receivers do not count.
func appendDynamic(dst []byte, v reflect.Value, w *walk) ([]byte, *Error) {
	enc, err := dynamicEncoder(v.Type())
	if err != nil {
		return dst, newError(ErrUnsupportedValue, err.Reason)
	}
	held := reflect.New(v.Type()).Elem()
	held.Set(v)
	return enc.encode(dst, placeOf(held), w)
}

// anyDecoder reads into an interface without methods, as encoding/json does: nil, bool,
// float64, string, []any or map[string]any.
type anyDecoder struct{}

func (anyDecoder) decode(s string, i int, p place, depth int) (int, *Error) {
	x, end, err := readAny(s, i, depth)
	if err != nil {
		return end, err
	}
	p.setEmpty(x)
	return end, nil
}

func readAny(s string, i, depth int) (any, int, *Error) {
	switch {
	case i >= len(s):
		return nil, i, wrongType(s, i, "a value")
	case s[i] == '"':
		v, end, err := readString(s, i)
		return v, end, err
	case s[i] == '[':
		v, end, err := readAnySlice(s, i, depth)
		return v, end, err
	case s[i] == '{':
		v, end, err := readAnyMap(s, i, depth)
		return v, end, err
	}
	end, err := skip(s, i)
	if err != nil {
		return nil, end, err
	}
	switch s[i] {
	case 'n':
		return nil, end, nil
	case 't', 'f':
		return s[i] == 't', end, nil
	}
	f, bad := strconv.ParseFloat(s[i:end], 64)
	if bad != nil {
		return nil, i, doesNotFit("float64")
	}
	return f, end, nil
}

func readAnySlice(s string, i, depth int) ([]any, int, *Error) {
	if depth >= jsontext.MaxDepth {
		return nil, i, tooDeep()
	}
	list := []any{}
	i, done := enter(s, i, ']')
	for !done {
		var x any
		var err *Error
		if x, i, err = readAny(s, i, depth+1); err != nil {
			return nil, i, err.underIndex(len(list))
		}
		list = append(list, x)
		if i, done, err = leave(s, i, ']'); err != nil {
			return nil, i, err
		}
	}
	return list, i, nil
}

func readAnyMap(s string, i, depth int) (map[string]any, int, *Error) {
	if depth >= jsontext.MaxDepth {
		return nil, i, tooDeep()
	}
	m := map[string]any{}
	i, done := enter(s, i, '}')
	for !done {
		key, next, err := readKey(s, i)
		if err != nil {
			return nil, next, err
		}
		if m[key], i, err = readAny(s, next, depth+1); err != nil {
			return nil, i, err.underEntry()
		}
		if i, done, err = leave(s, i, '}'); err != nil {
			return nil, i, err
		}
	}
	return m, i, nil
}

// closedDecoder is for interfaces with methods, which only a null can be read into.
type closedDecoder struct{ typ reflect.Type }

func (k *closedDecoder) decode(s string, i int, p place, _ int) (int, *Error) {
	if isNull(s, i) {
		p.value(k.typ).SetZero()
		return i + len("null"), nil
	}
	return i, wrongType(s, i, typeName(k.typ))
}

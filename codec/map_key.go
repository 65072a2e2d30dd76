package codec

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// keyName returns the name that a map key has in JSON.
type keyName func(key reflect.Value) (string, *Error)

// keyParser sets key, which is settable, to what a name in JSON stands for.
type keyParser func(name string, key reflect.Value) *Error

// keyNameOf returns the keyName of a key type, nil if encoding/json cannot write it: strings as they are, then encoding.TextMarshaler,
// then integers in decimal.
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
		return "", newCausedError(ErrUnsupportedValue, "MarshalText of map key "+key.Type().String()+" failed", err).underEntry()
	}
	return string(text), nil
}

// keyParserOf returns the keyParser of a key type, nil if encoding/json cannot read it: encoding.TextUnmarshaler first, then strings and integers.
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
	return newCausedError(ErrWrongType, "a key does not fit "+key.Type().String(), err)
}

func isSigned(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Int64 }

func isUnsigned(k reflect.Kind) bool { return k >= reflect.Uint && k <= reflect.Uintptr }

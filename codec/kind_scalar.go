package codec

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

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

// boolKind is bool and the types made of it.
type boolKind struct{}

// encode copies a word, which is an instruction where appending four or five bytes is a
// call.
func (*boolKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	room := dst[len(dst):cap(dst)]
	if len(room) < wordSize {
		return strconv.AppendBool(dst, p.boolean()), nil
	}
	if p.boolean() {
		copy(room[:wordSize], "true    ")
		return dst[:len(dst)+len("true")], nil
	}
	copy(room[:wordSize], "false   ")
	return dst[:len(dst)+len("false")], nil
}

func (*boolKind) decode(s string, i int, p place, _ int) (int, *Error) {
	rest := s[min(i, len(s)):]
	switch {
	case strings.HasPrefix(rest, "true"):
		p.setBool(true)
		return i + len("true"), nil
	case strings.HasPrefix(rest, "false"):
		p.setBool(false)
		return i + len("false"), nil
	}
	return nullOr(s, i, "bool")
}

// quotedEncoder writes a nested field with the option ",string": its JSON form once more
// as a string, but null as it is.
type quotedEncoder struct{ plain encoder }

func (k *quotedEncoder) encode(dst []byte, p place, w *walk) ([]byte, *Error) {
	start := len(dst)
	dst, err := k.plain.encode(dst, p, w)
	if err != nil {
		return dst, err
	}
	text := string(dst[start:])
	if text == "null" {
		return dst, nil
	}
	return appendString(dst[:start], unescapeOnce(text))
}

// unescapeOnce undoes the escapes that only SQS needs, so that the outer string has them
// once.
func unescapeOnce(text string) string {
	if !strings.Contains(text, `\uff`) {
		return text
	}
	return strings.NewReplacer(`\\`, `\\`, `\ufffe`, "\ufffe", `\uffff`, "\uffff").Replace(text)
}

// quotedDecoder reads a nested field with the option ",string": a string that holds the
// value's JSON form, or a null.
type quotedDecoder struct {
	typ   reflect.Type
	plain decoder // nil if the type has its own methods
}

func (k *quotedDecoder) decode(s string, i int, p place, depth int) (int, *Error) {
	end, err := skip(s, i)
	if err != nil {
		return end, err
	}
	if k.plain == nil || !at(s, i, '"') {
		return end, k.decodeOddly(s[i:end], p)
	}
	text, _, _ := readString(s, i)
	if after, bad := jsontext.SkipValue(text, 0); bad != nil || after < len(text) || text == "null" {
		return end, k.decodeOddly(s[i:end], p)
	}
	_, err = k.plain.decode(text, 0, p, depth)
	return end, err
}

// decodeOddly reads rare forms, such as "007" or "-Inf", as encoding/json of Go 1.26
// does. The rules inside such a string are undocumented, and differ from the rules
// elsewhere.
func (k *quotedDecoder) decodeOddly(text string, p place) *Error {
	ok, cause := storeQuoted(text, p.value(k.typ))
	if ok && cause == nil {
		return nil
	}
	return newCausedError(ErrWrongType, "got "+kindAt(text, 0)+`, want a string that holds `+typeName(k.typ), cause)
}

// storeQuoted stores a JSON value in a scalar, or in a pointer to one. It reports false
// if text does not fit v, and returns the error of a method of the type.
func storeQuoted(text string, v reflect.Value) (ok bool, cause error) {
	inner := text
	switch {
	case text[0] == '"':
		inner, _, _ = readString(text, 0)
	case text != "null":
		return false, nil
	}
	switch {
	case inner == "":
		return false, nil
	case inner[0] != 'n':
	case v.Kind() == reflect.Pointer:
		v.SetZero()
		return inner == "null", nil
	default:
		if u, own := reflect.TypeAssert[json.Unmarshaler](v.Addr()); own {
			return true, u.UnmarshalJSON([]byte(inner)) //nolint:wrapcheck // the caller wraps it
		}
		return inner == "null", nil // null leaves a scalar unchanged
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	if u, own := reflect.TypeAssert[json.Unmarshaler](v.Addr()); own {
		return true, u.UnmarshalJSON([]byte(inner)) //nolint:wrapcheck // the caller wraps it
	}
	u, own := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr())
	if !own {
		return storeScalar(inner, v), nil
	}
	plain, ok := unquote(inner)
	if !ok {
		return false, nil
	}
	return true, u.UnmarshalText([]byte(plain)) //nolint:wrapcheck // the caller wraps it
}

// unquote reads a text that is a JSON string and nothing else.
func unquote(text string) (plain string, ok bool) {
	if text[0] != '"' {
		return "", false
	}
	// Here, and nowhere else, encoding/json knows one more escape.
	text = strings.NewReplacer(`\\`, `\\`, `\'`, `'`).Replace(text)
	plain, end, err := readString(text, 0)
	return plain, err == nil && end == len(text)
}

// storeScalar stores a text in a scalar without methods, and reports false if the text
// does not fit its kind.
func storeScalar(text string, v reflect.Value) bool {
	if plain, ok := unquote(text); ok {
		if v.Kind() != reflect.String || v.Type() == numberType && !isNumber(plain) {
			return false
		}
		v.SetString(plain)
		return true
	}
	digit := text[0] == '-' || text[0] >= '0' && text[0] <= '9'
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(text == "true")
		return text == "true" || text == "false"
	case !digit:
		return false
	case v.Type() == numberType:
		v.SetString(text)
		return true
	case v.CanInt():
		n, err := strconv.ParseInt(text, 10, 64)
		v.SetInt(n)
		return err == nil && !v.OverflowInt(n)
	case v.CanUint():
		n, err := strconv.ParseUint(text, 10, 64)
		v.SetUint(n)
		return err == nil && !v.OverflowUint(n)
	case v.CanFloat():
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		v.SetFloat(f)
		return err == nil
	}
	return false
}

// timeKind is time.Time, in JSON an RFC 3339 string.
type timeKind struct{}

func (timeKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	dst = append(dst, '"')
	dst, err := p.time().AppendText(dst)
	if err != nil {
		return dst, newCausedError(ErrUnsupportedValue, "time.Time that RFC 3339 cannot express", err)
	}
	return append(dst, '"'), nil
}

// decode passes on the text between the quotes unchanged: time.Time takes no escapes in
// JSON.
func (timeKind) decode(s string, i int, p place, _ int) (int, *Error) {
	if !at(s, i, '"') {
		return nullOr(s, i, "time.Time")
	}
	_, end, err := readString(s, i)
	if err != nil {
		return end, err
	}
	if bad := p.time().UnmarshalText([]byte(s[i+1 : end-1])); bad != nil {
		return i, newCausedError(ErrWrongType, "got string that is not RFC 3339, want time.Time", bad)
	}
	return end, nil
}

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
		return i, newCausedError(ErrWrongType, "got string that is not base64, want "+typeName(k.elements.typ), bad)
	}
	p.setBytes(b)
	return end, nil
}

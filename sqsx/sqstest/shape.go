package sqstest

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"
)

// shape is what there is to know of a type of the service's model: a struct, a
// list, a map, or a scalar, which has none of these.
type shape struct {
	members  map[string]*shape // of a struct, by their names on the wire
	required []string          // of a struct
	element  *shape            // of a list or a map
}

// shapes caches the shape (*shape) of each input, by reflect.Type.
var shapes sync.Map

func shapeOf(t reflect.Type) *shape {
	known, _ := shapes.Load(t)
	if s, ok := known.(*shape); ok {
		return s
	}
	made := newShape(t)
	shapes.Store(t, made)
	return made
}

func newShape(t reflect.Type) *shape {
	switch t.Kind() {
	case reflect.Pointer:
		return newShape(t.Elem())
	case reflect.Map:
		return &shape{element: newShape(t.Elem())}
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 { // bytes are text on the wire
			return &shape{element: newShape(t.Elem())}
		}
	case reflect.Struct:
		return newStructShape(t)
	}
	return &shape{}
}

// newStructShape reads the fields of a struct. A member is named by the field's
// json tag, else by the field; a field tagged sqs:"required" is one that must be
// there and not null.
func newStructShape(t reflect.Type) *shape {
	s := &shape{members: map[string]*shape{}}
	for _, field := range reflect.VisibleFields(t) {
		if field.Anonymous || !field.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		s.members[name] = newShape(field.Type)
		if field.Tag.Get("sqs") == "required" {
			s.required = append(s.required, name)
		}
	}
	return s
}

// decodeShape reads the JSON of a request into a pointer to a struct. It is
// stricter than the service: a member the struct does not have, also one in
// another case, and a member given twice are errors, so that a misspelled or
// misplaced one is found, not ignored.
func decodeShape(data []byte, into any) error {
	if !utf8.Valid(data) {
		return errSerialization("the request is not valid UTF-8")
	}
	if err := json.Unmarshal(data, into); err != nil {
		return decodeError(err)
	}
	walk := &walk{data: data}
	walk.space()
	if data[walk.at] != '{' {
		return decodeError(nil)
	}
	return walk.value(shapeOf(reflect.TypeOf(into)), nil)
}

// decodeError says where the JSON is not as it should be, without its values.
func decodeError(err error) error {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) && mismatch.Field != "" {
		return errSerialization("the member %s is of another type", mismatch.Field)
	}
	return errSerialization("the request is not a JSON object of the operation's members")
}

func errSerialization(format string, args ...any) *apiError {
	return newError("SerializationException", format, args...)
}

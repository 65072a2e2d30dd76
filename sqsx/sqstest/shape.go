package sqstest

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// shape describes a type of the service model: a struct, a list or a map. A scalar has a
// zero shape.
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

// newStructShape reads the fields of a struct. A member is named by the field's json tag,
// else by the field; a field tagged sqs:"required" must be present and not null.
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

// decodeShape reads the JSON of a request into a pointer to a struct. It is stricter than
// the service: an unknown member, even if only the case differs, and a repeated member
// are errors, so that a misspelled or misplaced member is found, not ignored.
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

// decodeError names the place where the JSON is wrong, without its values.
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

// walk checks in valid JSON what encoding/json does not: that members are known, are not
// repeated, and are present if required.
type walk struct {
	data []byte
	at   int
}

// place is the position of a value, for error texts.
type place struct {
	in   *place
	name string
}

// String returns the names of the members that lead to the place, separated by dots.
func (p *place) String() string {
	var names []string
	for ; p != nil; p = p.in {
		names = append(names, p.name)
	}
	slices.Reverse(names)
	return strings.Join(names, ".")
}

// value checks the next value and moves past it.
func (w *walk) value(s *shape, p *place) error {
	w.space()
	switch w.data[w.at] {
	case '{':
		return w.object(s, p)
	case '[':
		return w.array(s, p)
	case '"':
		w.text()
	default:
		w.until(",]} \t\r\n")
	}
	return nil
}

func (w *walk) object(s *shape, p *place) error {
	seen := map[string]bool{}
	for w.enter('}') {
		var name string
		_ = json.Unmarshal(w.text(), &name) // known to be valid
		here := &place{in: p, name: name}
		if _, twice := seen[name]; twice {
			return errSerialization("the member %q is given twice", here)
		}
		w.space()
		w.at++ // the colon
		w.space()
		seen[name] = w.data[w.at] != 'n'
		member := s.element
		if s.members != nil {
			member = s.members[name]
		}
		if member == nil {
			return errSerialization("unknown member %q", here)
		}
		if err := w.value(member, here); err != nil {
			return err
		}
	}
	for _, name := range s.required {
		if !seen[name] {
			return errMissingParameter((&place{in: p, name: name}).String())
		}
	}
	return nil
}

func (w *walk) array(s *shape, p *place) error {
	if s.element == nil {
		return errSerialization("%s is a list", p)
	}
	for i := 1; w.enter(']'); i++ {
		here := &place{in: p, name: strconv.Itoa(i)}
		if w.data[w.at] == 'n' {
			return errSerialization("%s is null", here)
		}
		if err := w.value(s.element, here); err != nil {
			return err
		}
	}
	return nil
}

// enter moves past the opening bracket or the comma to the next item. If there is none it
// moves past the closing bracket and reports false.
func (w *walk) enter(closing byte) bool {
	w.space()
	if w.data[w.at] != closing {
		w.at++
		w.space()
	}
	if w.data[w.at] != closing {
		return true
	}
	w.at++
	return false
}

// text moves past a string and returns it as written, with its quotes.
func (w *walk) text() []byte {
	start := w.at
	for w.at++; w.data[w.at] != '"'; w.at++ {
		if w.data[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
	return w.data[start:w.at]
}

// until moves to the first of the given bytes, or to the end.
func (w *walk) until(stop string) {
	for w.at < len(w.data) && strings.IndexByte(stop, w.data[w.at]) < 0 {
		w.at++
	}
}

func (w *walk) space() {
	for w.at < len(w.data) && strings.IndexByte(" \t\r\n", w.data[w.at]) >= 0 {
		w.at++
	}
}

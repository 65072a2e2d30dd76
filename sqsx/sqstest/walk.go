package sqstest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// walk goes over JSON that is known to be valid and to fit its shape, and checks
// what encoding/json does not: that each member is one of the shape's, is given
// once, and is there when it must be.
type walk struct {
	data []byte
	at   int
}

// place is where a value stands, for error texts.
type place struct {
	in   *place
	name string
}

// String is the names of the members that lead to the place, with dots between.
func (p *place) String() string {
	var names []string
	for ; p != nil; p = p.in {
		names = append(names, p.name)
	}
	slices.Reverse(names)
	return strings.Join(names, ".")
}

// value checks the value at hand and goes past it.
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

// enter goes past the opening bracket, or the comma, to the next item; it is
// false when there is none, and the closing bracket is behind.
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

// text goes past a string and returns it as it is written, in its quotes.
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

// until goes to the first of the given bytes, or to the end.
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

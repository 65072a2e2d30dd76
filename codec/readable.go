package codec

import (
	"encoding/json"
	"reflect"
)

// checkReadable refuses a type whose values can be sent but not read back, or are sent
// as nothing: each would become a dead letter, or come back empty. It checks all types
// within, except behind such methods as MarshalJSON. addr is true if the value is
// addressable, which values in maps are not.
func (b *builder) checkReadable(t reflect.Type, addr bool) *TypeError {
	key := encoderKey{typ: t, addr: addr}
	if b.readable[key] {
		return nil // a caller may still be checking it
	}
	b.readable[key] = true
	if t.Kind() == reflect.Interface {
		if t.NumMethod() > 0 {
			return b.fail("interface " + typeName(t) + " cannot be read back: use a type that is no interface, or any")
		}
		return nil
	}
	own, reason := ownMethods(t, addr)
	switch {
	case reason != "":
		return b.fail(reason)
	case own:
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return b.checkReadable(t.Elem(), true)
	case reflect.Array:
		return b.checkReadable(t.Elem(), addr)
	case reflect.Map:
		if keyNameOf(t.Key()) != nil && keyParserOf(t.Key()) == nil {
			return b.fail("map key " + typeName(t.Key()) + " has MarshalText, and cannot be read without UnmarshalText")
		}
		return b.checkReadable(t.Elem(), false)
	case reflect.Struct:
		return b.checkFields(t, addr)
	default:
		return nil
	}
}

// checkFields is checkReadable for the fields of a struct that are sent.
func (b *builder) checkFields(t reflect.Type, addr bool) *TypeError {
	if allHidden(t) {
		return b.fail(typeName(t) + " has no exported field, so nothing of it is sent: export its fields")
	}
	for _, f := range jsonFields(t) {
		err := b.within(f.goPath, func() *TypeError {
			if deadEnd(t, f.index) {
				return b.fail("is behind an embedded pointer to an unexported struct, which cannot be set")
			}
			return b.checkReadable(f.field.Type, addr || len(pathOf(t, f.index).hops) > 0)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ownMethods reports whether methods of a type read it or write it. unreadable is why
// the type cannot read its output, "" if it can.
func ownMethods(t reflect.Type, addr bool) (own bool, unreadable string) {
	if t.Kind() == reflect.Pointer {
		return false, "" // the methods belong to the type that it points at
	}
	pointer := reflect.PointerTo(t)
	reads, readsText := pointer.Implements(unmarshalerType), pointer.Implements(textUnmarshalerType)
	switch {
	case pointer.Implements(marshalerType):
		if !addr && !t.Implements(marshalerType) && allHidden(t) {
			return true, inMap(t)
		}
		if !reads && writesAnotherKind(t) {
			return true, typeName(t) + " has MarshalJSON, and writes what it cannot read without UnmarshalJSON"
		}
		return true, ""
	case reads:
		return true, ""
	case pointer.Implements(textMarshalerType):
		switch {
		case t.Kind() == reflect.String:
		case !readsText:
			return true, typeName(t) + " has MarshalText, and writes what it cannot read without UnmarshalText"
		case !addr && !t.Implements(textMarshalerType):
			return true, inMap(t)
		}
		return true, ""
	}
	return readsText, ""
}

// inMap returns the problem of a map whose element type has methods with pointer
// receivers.
func inMap(t reflect.Type) string {
	return typeName(t) + " is written without its methods in a map, since they are those of its pointer: " +
		"use *" + typeName(t)
}

// allHidden reports whether t is a struct that has fields, none of which is exported or
// embeds one that may be. Such a value is sent as {} and read back as zero.
func allHidden(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t.NumField() == 0 {
		return false
	}
	for f := range t.Fields() {
		if f.IsExported() || f.Anonymous {
			return false
		}
	}
	return true
}

// writesAnotherKind reports whether the MarshalJSON of type t writes a JSON value of
// another kind than t is read from. It calls the user's method on the zero value, and
// reports false if that fails.
func writesAnotherKind(t reflect.Type) (another bool) {
	defer func() { _ = recover() }()
	m, ok := reflect.TypeAssert[json.Marshaler](reflect.New(t))
	if !ok {
		return false
	}
	text, err := m.MarshalJSON()
	if err != nil || len(text) == 0 || text[0] == 'n' {
		return false
	}
	first := text[0]
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return first != '{'
	case reflect.Slice, reflect.Array:
		return first != '[' && t.Elem().Kind() != reflect.Uint8
	case reflect.String:
		return first != '"'
	case reflect.Bool:
		return first != 't' && first != 'f'
	default:
		return first == '"' || first == '{' || first == '[' || first == 't' || first == 'f'
	}
}

package codec

import "reflect"

// zeroer is what encoding/json asks for the option omitzero.
type zeroer interface{ IsZero() bool }

// zeroTest tells whether the value at a place is zero, or empty.
type zeroTest func(p place) bool

// zeroTestOf returns the test for a type's zero value: its own IsZero method if it has one, as for omitzero in encoding/json,
// else as reflect.Value.IsZero has it.
func zeroTestOf(t reflect.Type) zeroTest {
	switch {
	case t.Implements(reflect.TypeFor[zeroer]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[zeroer]()):
		return func(p place) bool { return asksZero(p.value(t)) }
	case t.Kind() == reflect.String:
		return func(p place) bool { return p.str() == "" }
	case isReference(t.Kind()):
		return place.isNil
	}
	return zeroNumberTestOf(t)
}

// zeroNumberTestOf is the test for all that has no pointers to look at; numbers and booleans go without reflection.
func zeroNumberTestOf(t reflect.Type) zeroTest {
	size := t.Size()
	switch k := t.Kind(); {
	case k == reflect.Bool:
		return func(p place) bool { return !p.boolean() }
	case isSigned(k):
		return func(p place) bool { return p.integer(size) == 0 }
	case isUnsigned(k):
		return func(p place) bool { return p.unsigned(size) == 0 }
	case k == reflect.Float32 || k == reflect.Float64:
		return func(p place) bool { return p.float(size) == 0 }
	}
	return func(p place) bool { return p.value(t).IsZero() }
}

// asksZero calls IsZero, but not on nil pointers and interfaces, which are zero.
func asksZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() || v.Elem().Kind() == reflect.Pointer && v.Elem().IsNil() {
			return true
		}
	case reflect.Pointer:
		if v.IsNil() {
			return true
		}
	default:
		v = v.Addr()
	}
	z, _ := reflect.TypeAssert[zeroer](v)
	return z.IsZero()
}

// emptyTestOf returns the test for omitempty: false, 0, nil, and what has no elements. A struct is never empty.
func emptyTestOf(t reflect.Type) zeroTest {
	switch t.Kind() {
	case reflect.String:
		return func(p place) bool { return p.str() == "" }
	case reflect.Slice:
		return func(p place) bool { return p.sliceLen() == 0 }
	case reflect.Map, reflect.Array:
		return func(p place) bool { return p.value(t).Len() == 0 }
	case reflect.Pointer, reflect.Interface:
		return place.isNil
	case reflect.Struct:
		return func(place) bool { return false }
	}
	return zeroNumberTestOf(t)
}

func isReference(k reflect.Kind) bool {
	return k == reflect.Pointer || k == reflect.Slice || k == reflect.Map || k == reflect.Interface
}

// Package nilcheck finds nil values that hide in an interface, where a constructor takes
// an implementation of its user's.
package nilcheck

import "reflect"

// IsNil reports whether v is nil, or holds a nil pointer or a nil function. Calls of its
// methods would panic later, far from the mistake. A nil map or slice may well have
// working methods, so they are not reported.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	switch value.Kind() {
	case reflect.Pointer, reflect.Func:
		return value.IsNil()
	default:
		return false
	}
}

package taskhawk

import (
	"reflect"
	"strings"
)

// fieldPath returns the validator's path of a field of t without the keys of maps: they are values, which errors do not
// show. A key may hold brackets and dots, so everything up to the last bracket goes with it.
func fieldPath(t reflect.Type, path string) string {
	for i := 0; i < len(path); {
		t = pointedTo(t)
		if path[i] != '[' {
			end := i + nameLength(path[i:])
			t, i = fieldType(t, strings.TrimPrefix(path[i:end], ".")), end
			continue
		}
		end := strings.IndexByte(path[i:], ']')
		if end < 0 || t == nil || (t.Kind() != reflect.Slice && t.Kind() != reflect.Array) {
			return path[:i] + "[*]" + path[i+strings.LastIndexByte(path[i:], ']')+1:]
		}
		t, i = t.Elem(), i+end+1
	}
	return path
}

// nameLength is the length of the field name that path begins with, and of a dot before it.
func nameLength(path string) int {
	if end := strings.IndexAny(path[1:], ".["); end >= 0 {
		return end + 1
	}
	return len(path)
}

// fieldType returns nil when t, such as an interface, does not say what its fields are.
func fieldType(t reflect.Type, name string) reflect.Type {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	field, _ := t.FieldByName(name)
	return field.Type
}

func pointedTo(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

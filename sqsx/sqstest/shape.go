package sqstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// decodeShape reads the JSON of a request into a shape: a pointer to a struct
// whose fields are named as the members are. It is stricter than the service:
// a member the shape does not have is an error, so that a misspelled or
// misplaced one is found, not ignored. A field tagged sqs:"required" must be
// there and not null.
func decodeShape(data []byte, into any) error {
	if !utf8.Valid(data) {
		return errSerialization("the request is not valid UTF-8")
	}
	return decodeValue(data, reflect.ValueOf(into).Elem(), "")
}

func errSerialization(format string, args ...any) *apiError {
	return newError("SerializationException", format, args...)
}

// decodeValue reads one JSON value; path names it in errors.
func decodeValue(data []byte, v reflect.Value, path string) error {
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeValue(data, v.Elem(), path)
	case v.Kind() == reflect.Struct:
		return decodeStruct(data, v, path)
	case v.Kind() == reflect.Map:
		return decodeMap(data, v, path)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		return decodeList(data, v, path)
	}
	if err := json.Unmarshal(data, v.Addr().Interface()); err != nil {
		return errSerialization("%s cannot be read as %s", named(path), v.Type())
	}
	return nil
}

func decodeStruct(data []byte, v reflect.Value, path string) error {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &members); err != nil {
		return errSerialization("%s is not a JSON object", named(path))
	}
	for name, raw := range members {
		field, ok := memberField(v.Type(), name)
		if !ok {
			return errSerialization("unknown member %q", join(path, name))
		}
		if isNull(raw) {
			delete(members, name)
			continue
		}
		if err := decodeValue(raw, v.FieldByIndex(field.Index), join(path, name)); err != nil {
			return err
		}
	}
	return checkRequired(v.Type(), members, path)
}

// memberField finds the field of a member: by the name in its json tag, else by
// its own. Case matters.
func memberField(t reflect.Type, member string) (reflect.StructField, bool) {
	for _, field := range reflect.VisibleFields(t) {
		if field.IsExported() && !field.Anonymous && memberName(field) == member {
			return field, true
		}
	}
	return reflect.StructField{}, false
}

func memberName(field reflect.StructField) string {
	if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
		return name
	}
	return field.Name
}

func checkRequired(t reflect.Type, members map[string]json.RawMessage, path string) error {
	for _, field := range reflect.VisibleFields(t) {
		if field.Tag.Get("sqs") != "required" {
			continue
		}
		if _, ok := members[memberName(field)]; !ok {
			return errMissingParameter(join(path, memberName(field)))
		}
	}
	return nil
}

func decodeMap(data []byte, v reflect.Value, path string) error {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &members); err != nil {
		return errSerialization("%s is not a JSON object", named(path))
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(members)))
	for name, raw := range members {
		if isNull(raw) {
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if err := decodeValue(raw, value, join(path, name)); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(name), value)
	}
	return nil
}

func decodeList(data []byte, v reflect.Value, path string) error {
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		return errSerialization("%s is not a JSON array", named(path))
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, raw := range items {
		if isNull(raw) {
			return errSerialization("%s.%d is null", path, i+1)
		}
		if err := decodeValue(raw, v.Index(i), fmt.Sprintf("%s.%d", path, i+1)); err != nil {
			return err
		}
	}
	return nil
}

func isNull(raw []byte) bool { return bytes.Equal(raw, []byte("null")) }

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func named(path string) string {
	if path == "" {
		return "the request"
	}
	return path
}

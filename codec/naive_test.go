package codec_test

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// naiveAppend is what one writes without a codec: values collected by reflection into
// []any and map[string]any, and encoding/json for the rest. positional is how many fields
// go to args.
func naiveAppend(names []string, positional int, v reflect.Value) ([]byte, error) {
	args, kwargs := []any{}, map[string]any{}
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case i < positional:
			args = append(args, f.Interface())
		case !f.IsZero():
			kwargs[names[i]] = f.Interface()
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(map[string]any{"args": args, "kwargs": kwargs})
	return b.Bytes(), err
}

// naiveDecode goes the same way back: through []any and map[string]any, and once more
// through JSON into each field.
func naiveDecode(names []string, text []byte, v reflect.Value) error {
	var m struct {
		Args   []any
		Kwargs map[string]any
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return err
	}
	for i := range v.NumField() {
		x, ok := m.Kwargs[names[i]]
		if i < len(m.Args) {
			x, ok = m.Args[i], true
		}
		if !ok {
			continue
		}
		b, err := json.Marshal(x)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, v.Field(i).Addr().Interface()); err != nil {
			return err
		}
	}
	return nil
}

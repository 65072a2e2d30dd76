package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// naive is what one writes first, and what the goals are multiples of: reflection
// collects the arguments into []any and map[string]any, which go into a map with the rest
// of the message; on the way back each value goes through JSON once more, into its field.
func naive[A, K any](w Workload[A, K]) Contender[A] {
	params := paramsOf(w)
	return Contender[A]{
		Name: "naive", Title: "encoding/json, `[]any` and `map[string]any`", Kind: Naive,
		Encode: func(m *Message[A]) ([]byte, error) {
			args, kwargs := []any{}, map[string]any{}
			for _, p := range params {
				switch field := p.field(&m.Args); {
				case p.positional:
					args = append(args, field.Interface())
				case !p.optional || !field.IsZero():
					kwargs[p.name] = field.Interface()
				}
			}
			return marshalPlain(map[string]any{
				"id":       m.ID,
				"metadata": map[string]any{"priority": m.Priority, "timestamp": m.Timestamp, "version": "1.0"},
				"headers":  m.Headers,
				"task":     m.Task,
				"args":     args,
				"kwargs":   kwargs,
			})
		},
		Decode: func(body Body, m *Message[A]) error {
			var wire map[string]any
			if err := json.Unmarshal(body.Bytes, &wire); err != nil {
				return err
			}
			args, kwargs, err := untyped(wire, m)
			if err != nil {
				return err
			}
			return bindUntyped(params, &m.Args, args, kwargs)
		},
	}
}

// marshalPlain is json.Marshal without HTML escapes, as the format wants it.
func marshalPlain(v any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// errShape is a message of which a member is missing or not of its type.
var errShape = errors.New("not the shape of a message")

// untyped copies the head of a message to m, and returns the arguments.
func untyped[A any](wire map[string]any, m *Message[A]) (args []any, kwargs map[string]any, err error) {
	metadata, isObject := wire["metadata"].(map[string]any)
	headers, isMap := wire["headers"].(map[string]any)
	timestamp, isNumber := metadata["timestamp"].(float64)
	args, isArray := wire["args"].([]any)
	kwargs, isKeyword := wire["kwargs"].(map[string]any)
	if !isObject || !isMap || !isNumber || !isArray || !isKeyword {
		return nil, nil, errShape
	}
	m.ID, _ = wire["id"].(string)
	m.Task, _ = wire["task"].(string)
	m.Priority, _ = metadata["priority"].(string)
	m.Timestamp = int64(timestamp)
	m.Headers = make(map[string]string, len(headers))
	for name, value := range headers {
		m.Headers[name], _ = value.(string)
	}
	return args, kwargs, nil
}

// bindUntyped puts values that encoding/json made of any JSON into the fields of the
// struct that a points at.
func bindUntyped(params []param, a any, args []any, kwargs map[string]any) error {
	for i, p := range params {
		value, ok := kwargs[p.name]
		if i < len(args) {
			value, ok = args[i], true
		}
		if !ok {
			if !p.optional {
				return fmt.Errorf("missing argument %s", p.name)
			}
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, p.field(a).Addr().Interface()); err != nil {
			return err
		}
	}
	return nil
}

// param is what reflection says of an argument.
type param struct {
	name       string
	index      int
	positional bool
	optional   bool
}

func (p param) field(a any) reflect.Value { return reflect.ValueOf(a).Elem().Field(p.index) }

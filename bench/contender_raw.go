package bench

import (
	"encoding/json"
	"reflect"
	"strings"
)

// raw keeps each argument as JSON text between the message and its field, so that it is
// decoded once: what a library for tasks of any type does on top of a JSON library, and
// what one writes second.
func raw[A, K any](w Workload[A, K], library jsonLibrary) Contender[A] {
	params := paramsOf(w)
	return Contender[A]{
		Name: library.name + "-raw", Title: library.title + ", `RawMessage`", Kind: Rival,
		Encode: func(m *Message[A]) ([]byte, error) { return encodeRaw(params, library, m) },
		Decode: func(body Body, m *Message[A]) error { return decodeRaw(params, library, body, m) },
	}
}

func encodeRaw[A any](params []param, library jsonLibrary, m *Message[A]) ([]byte, error) {
	args, kwargs := []json.RawMessage{}, map[string]json.RawMessage{}
	for _, p := range params {
		field := p.field(&m.Args)
		if p.optional && field.IsZero() {
			continue
		}
		text, err := library.marshal(field.Addr().Interface())
		if err != nil {
			return nil, err
		}
		if p.positional {
			args = append(args, text)
		} else {
			kwargs[p.name] = text
		}
	}
	return library.marshal(wireOf(m, args, kwargs))
}

func decodeRaw[A any](params []param, library jsonLibrary, body Body, m *Message[A]) error {
	var wire wireMessage[[]json.RawMessage, map[string]json.RawMessage]
	if err := library.unmarshal(body, &wire); err != nil {
		return err
	}
	copyHead(m, &wire)
	for i, p := range params {
		text, ok := wire.Kwargs[p.name]
		if i < len(wire.Args) {
			text, ok = wire.Args[i], true
		}
		if !ok {
			continue
		}
		if err := library.unmarshalRaw(text, p.field(&m.Args).Addr().Interface()); err != nil {
			return err
		}
	}
	return nil
}

// paramsOf asks reflection for the arguments of a workload.
func paramsOf[A, K any](w Workload[A, K]) []param {
	var params []param
	positional := len(w.Positional(&w.Message.Args))
	t := reflect.TypeFor[A]()
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		optional := options == "omitempty"
		params = append(params, param{name: name, index: i, positional: i < positional, optional: optional})
	}
	return params
}

package bench

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// streamed writes and reads the message in one pass with the library that became
// encoding/json/v2: the elements of args go token by token from and to the fields.
func streamed[A, K any](w Workload[A, K]) Contender[A] {
	return Contender[A]{
		Name: "jsonv2-plan", Title: "go-json-experiment/json, a plan per task", Kind: Rival,
		Encode: func(m *Message[A]) ([]byte, error) {
			return json.Marshal(wireOf(m, streamedArgs(w.Positional(&m.Args)), w.Keyword(&m.Args)))
		},
		Decode: func(body Body, m *Message[A]) error {
			wire := wireMessage[streamedArgs, K]{Args: w.Positional(&m.Args)}
			if err := json.Unmarshal(body.Bytes, &wire); err != nil {
				return err
			}
			copyHead(m, &wire)
			w.SetKeyword(&m.Args, &wire.Kwargs)
			return nil
		},
	}
}

// streamedArgs is pointers to the positional arguments.
type streamedArgs []any

// MarshalJSONTo implements json.MarshalerTo.
func (a streamedArgs) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for _, pointer := range a {
		if err := json.MarshalEncode(enc, pointer); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndArray)
}

// errTooMany is a message with more positional arguments than the task takes.
var errTooMany = errors.New("too many args")

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (a streamedArgs) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for i := 0; dec.PeekKind() != ']'; i++ {
		if i == len(a) {
			return errTooMany
		}
		if err := json.UnmarshalDecode(dec, a[i]); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

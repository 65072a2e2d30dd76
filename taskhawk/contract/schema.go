package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Schema is a JSON Schema (draft 2020-12) of one value. Its fields are the keywords that
// this package writes; the zero Schema allows any value. A schema that a type declares by
// [Declarer] may have other keywords and is kept unchanged.
type Schema struct {
	Ref                  string             `json:"$ref,omitempty"` // #/$defs/ and the name of a definition
	Type                 Types              `json:"type,omitempty"`
	Const                any                `json:"const,omitempty"` // a string, json.Number or bool
	Enum                 []any              `json:"enum,omitempty"`  // of the same
	Not                  *Schema            `json:"not,omitempty"`
	AnyOf                []*Schema          `json:"anyOf,omitempty"`
	Format               string             `json:"format,omitempty"`
	ContentEncoding      string             `json:"contentEncoding,omitempty"`
	Minimum              json.Number        `json:"minimum,omitempty"`
	Maximum              json.Number        `json:"maximum,omitempty"`
	ExclusiveMinimum     json.Number        `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum     json.Number        `json:"exclusiveMaximum,omitempty"`
	MinLength            *int               `json:"minLength,omitempty"` // in characters
	MaxLength            *int               `json:"maxLength,omitempty"`
	MinItems             *int               `json:"minItems,omitempty"`
	MaxItems             *int               `json:"maxItems,omitempty"`
	UniqueItems          bool               `json:"uniqueItems,omitempty"`
	Items                *Schema            `json:"items,omitempty"`
	MinProperties        *int               `json:"minProperties,omitempty"`
	MaxProperties        *int               `json:"maxProperties,omitempty"`
	Properties           map[string]*Schema `json:"properties,omitempty"`
	Required             []string           `json:"required,omitempty"`
	AdditionalProperties *Schema            `json:"additionalProperties,omitempty"`
	Default              any                `json:"default,omitempty"`
	// Comment holds what JSON Schema has no keyword for: rules of a `validate` tag, and
	// the Go type that writes the value by a method.
	Comment string `json:"$comment,omitempty"`

	declared json.RawMessage // compact; if set, all other fields are empty
}

// Types are the JSON types of a value. One type is written as a string, several as an
// array.
type Types []string

// MarshalJSON writes the only type as a string.
func (t Types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// UnmarshalJSON reads a string or an array of strings.
func (t *Types) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		*t = Types{""}
		return json.Unmarshal(text, &(*t)[0])
	}
	return json.Unmarshal(text, (*[]string)(t))
}

// plainSchema is Schema without its methods.
type plainSchema Schema

// MarshalJSON writes a declared schema as it was declared.
func (s *Schema) MarshalJSON() ([]byte, error) {
	if s.declared != nil {
		return s.declared, nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode((*plainSchema)(s))
	return bytes.TrimSpace(text.Bytes()), err
}

// UnmarshalJSON reads a schema. A schema with other keywords counts as declared.
func (s *Schema) UnmarshalJSON(text []byte) error {
	var plain plainSchema
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if err := decoder.Decode(&plain); err == nil {
		*s = Schema(plain)
		return nil
	}
	declared, err := compactSchema(text)
	*s = Schema{declared: declared}
	return err
}

// compactSchema checks that a text may be a JSON Schema, which is an object or a bool,
// and compacts it.
func compactSchema(text []byte) (json.RawMessage, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return nil, fmt.Errorf("schema is not JSON: %w", err)
	}
	switch compact.String()[:1] {
	case "{", "t", "f":
		return compact.Bytes(), nil
	}
	return nil, errors.New("schema is no object")
}

// isAny reports whether the schema allows every value.
func (s *Schema) isAny() bool {
	return s.declared == nil && s.Ref == "" && s.Type == nil && s.Const == nil && s.Enum == nil && s.Not == nil &&
		s.AnyOf == nil && s.Comment == ""
}

// jsonTypes are all JSON types except null, and integer, which is a number.
var jsonTypes = Types{"array", "boolean", "number", "object", "string"} //nolint:gochecknoglobals // a lookup table

// orNull returns the schema that allows null too.
func (s *Schema) orNull() *Schema {
	switch {
	case s.isAny() || slices.Contains(s.Type, "null"):
		return s
	case s.declared != nil || s.Ref != "" || s.Type == nil || s.Enum != nil || s.Const != nil:
		null := &Schema{Type: Types{"null"}}
		if s.Type == nil && s.AnyOf != nil && s.Comment == "" {
			return &Schema{AnyOf: append(slices.Clone(s.AnyOf), null)}
		}
		return &Schema{AnyOf: []*Schema{s, null}}
	}
	with := *s
	with.Type = append(slices.Clone(s.Type), "null")
	return &with
}

// definition returns the name that a reference refers to, "" for other schemas.
func (s *Schema) definition() string {
	name, _ := strings.CutPrefix(s.Ref, refPrefix)
	return name
}

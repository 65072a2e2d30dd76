package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"github.com/taskhawk/taskhawk-go/codec"
	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// Declarer is implemented by types that have methods such as MarshalJSON and declare the
// JSON Schema of their values. The schema must not refer to other documents. The method
// is called on a zero value. A type with such methods that is no Declarer allows any
// value.
type Declarer interface {
	JSONSchemaBytes() ([]byte, error)
}

var (
	declarerType = reflect.TypeFor[Declarer]()
	// valuerType is validator.Valuer.
	valuerType = reflect.TypeFor[interface{ ValidatorValue() any }]()
)

// describer converts shapes to schemas. Named structs become definitions.
type describer struct {
	defs  map[string]*Schema
	names map[definition]string
	err   error // the first
}

// definition is the key of a struct's schema.
type definition struct {
	typ     reflect.Type
	checked bool // its `validate` tags are read
}

func newDescriber() *describer {
	return &describer{defs: map[string]*Schema{}, names: map[definition]string{}}
}

// value returns the schema of a value whose field has the given `validate` list. checked
// is false where the validator does not look.
func (d *describer) value(shape *codec.Shape, tag string, checked bool) *Schema {
	if checked && tag == "-" {
		checked = false
	}
	var list ruleList
	if checked {
		list = parseRules(tag)
	}
	target, pointed := shape, false
	for target.Form == codec.FormPointer {
		target, pointed = target.Elem, true
	}
	schema, null := d.plain(target, list, checked)
	ruled, unsaid := list.apply(schema, target, pointed)
	if reflect.PointerTo(target.Type).Implements(valuerType) {
		ruled, unsaid = schema, list.texts() // the rules apply to another value
	}
	if len(unsaid) > 0 {
		ruled = comment(ruled, unsaid)
	}
	switch {
	case null && pointed: // a pointer to nil is written as null, even if a nil pointer is refused
		return ruled.orNull()
	case (null || pointed) && !list.refusesNull(shape) && (pointed || !list.refusesNil(ruled)):
		return ruled.orNull()
	}
	if target.Form == codec.FormAny && ruled.declared == nil && ruled.AnyOf == nil && list.refusesNull(shape) {
		ruled.Type = jsonTypes
	}
	return ruled
}

// comment adds rules that have no keyword to the schema's comment.
func comment(s *Schema, rules []string) *Schema {
	if s.declared != nil || s.Ref != "" || s.Comment != "" {
		s = &Schema{AnyOf: []*Schema{s}}
	}
	s.Comment = "validate: " + strings.Join(rules, ",")
	return s
}

// plain returns the schema of the value behind pointers, and reports whether nil is
// written as null.
func (d *describer) plain(shape *codec.Shape, list ruleList, checked bool) (s *Schema, null bool) {
	switch shape.Form {
	case codec.FormBool:
		return &Schema{Type: Types{"boolean"}}, false
	case codec.FormInteger:
		return integer(shape), false
	case codec.FormNumber:
		return &Schema{Type: Types{"number"}, Format: map[int]string{32: "float", 64: "double"}[shape.Bits]}, false
	case codec.FormString:
		return &Schema{Type: Types{"string"}}, false
	case codec.FormText:
		return d.declared(shape.Type, &Schema{Type: Types{"string"}, Comment: "text of " + shape.Type.String()}), false
	case codec.FormTime:
		return &Schema{Type: Types{"string"}, Format: "date-time"}, false
	case codec.FormBytes:
		return &Schema{Type: Types{"string"}, ContentEncoding: "base64"}, true
	case codec.FormSlice:
		return &Schema{Type: Types{"array"}, Items: d.elem(shape, list, checked)}, true
	case codec.FormArray:
		n := shape.Length
		return &Schema{Type: Types{"array"}, Items: d.elem(shape, list, checked), MinItems: &n, MaxItems: &n}, false
	case codec.FormMap:
		return &Schema{Type: Types{"object"}, AdditionalProperties: d.elem(shape, list, checked)}, true
	case codec.FormStruct:
		return d.structure(shape, checked && !list.has("structonly", "nostructlevel")), false
	}
	s = &Schema{}
	if kind := shape.Type.Kind(); kind != reflect.Interface && shape.Type != reflect.TypeFor[json.RawMessage]() {
		s.Comment = "JSON of " + shape.Type.String() // so that replacing one such type by another is noticed
	}
	return d.declared(shape.Type, s), false
}

// elem returns the schema of a container's elements. The validator checks them only after
// dive.
func (d *describer) elem(shape *codec.Shape, list ruleList, checked bool) *Schema {
	if !checked || !list.dives {
		return d.value(shape.Elem, "", false)
	}
	tag := list.dive
	if keys, ok := strings.CutPrefix(tag, "keys,"); ok {
		_, tag, _ = strings.Cut(keys, "endkeys")
		tag = strings.TrimPrefix(tag, ",")
	}
	return d.value(shape.Elem, tag, true)
}

// integer returns the schema of an integer type. It has the bounds of small types. Types
// of 64 bits have a format instead, as in OpenAPI, which is easier to read than long
// numbers.
func integer(shape *codec.Shape) *Schema {
	s := &Schema{Type: Types{"integer"}}
	switch {
	case shape.Bits == 64 && shape.Unsigned:
		s.Format, s.Minimum = "uint64", "0"
	case shape.Bits == 64:
		s.Format = "int64"
	default:
		low, high := boundsOf(shape.Bits, shape.Unsigned)
		s.Minimum, s.Maximum = json.Number(low.String()), json.Number(high.String())
	}
	return s
}

// boundsOf returns the smallest and the largest number of an integer type.
func boundsOf(bits int, unsigned bool) (low, high *big.Int) {
	low, high = new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(bits))
	if !unsigned {
		high.Rsh(high, 1)
		low.Neg(high)
	}
	return low, high.Sub(high, big.NewInt(1))
}

// declared returns the schema that a type declares, otherwise other.
func (d *describer) declared(t reflect.Type, other *Schema) *Schema {
	if !reflect.PointerTo(t).Implements(declarerType) {
		return other
	}
	declarer, _ := reflect.TypeAssert[Declarer](reflect.New(t))
	var text []byte
	var err error
	if panicked := guard.Call(func() { text, err = declarer.JSONSchemaBytes() }); panicked != nil {
		err = panicked
	}
	s := new(Schema)
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err != nil && d.err == nil {
		d.err = fmt.Errorf("JSONSchemaBytes of %s: %w", t, err)
	}
	return s
}

// structure returns the schema of a struct, or a reference to its definition.
func (d *describer) structure(shape *codec.Shape, checked bool) *Schema {
	if shape.Type.Name() == "" {
		return d.object(shape, checked)
	}
	key := definition{shape.Type, checked && hasRules(shape.Type, map[reflect.Type]bool{})}
	name, known := d.names[key]
	if !known {
		name = d.newName(key)
		d.names[key] = name
		d.defs[name] = &Schema{} // for recursion
		d.defs[name] = d.object(shape, key.checked)
	}
	return &Schema{Ref: refPrefix + name}
}

const refPrefix = "#/$defs/"

// newName returns the name of a definition: package and type, and a number if another
// type has that name.
func (d *describer) newName(key definition) string {
	base := strings.Map(func(r rune) rune {
		if r == '.' || r == '_' || r == '-' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}, key.typ.String())
	if !key.checked && hasRules(key.typ, map[reflect.Type]bool{}) {
		base += ".unchecked"
	}
	name := base
	for i := 2; ; i++ {
		if _, taken := d.defs[name]; !taken {
			return name
		}
		name = base + "." + strconv.Itoa(i)
	}
}

// hasRules reports whether a struct, or a struct within it, has a `validate` tag.
func hasRules(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return hasRules(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if f.Tag.Get("validate") != "" || hasRules(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// object returns the schema of a struct's members. Only a rule makes a member required,
// since an absent member is read as zero.
func (d *describer) object(shape *codec.Shape, checked bool) *Schema {
	s := &Schema{Type: Types{"object"}, Properties: map[string]*Schema{}}
	for _, m := range shape.Members {
		tag, reached, always := validated(shape.Type, m.Index)
		reached = reached && checked
		if m.Quoted {
			s.Properties[m.Name] = d.quoted(m.Shape, tag, reached)
		} else {
			s.Properties[m.Name] = d.value(m.Shape, tag, reached)
		}
		if reached && always && parseRules(tag).required() {
			s.Required = append(s.Required, m.Name)
		}
	}
	return s
}

// quoted returns the schema of a member that holds its JSON in a string.
func (d *describer) quoted(shape *codec.Shape, tag string, checked bool) *Schema {
	s := &Schema{Type: Types{"string"}}
	var list ruleList
	if checked && tag != "-" {
		list = parseRules(tag)
	}
	if unsaid := list.texts(); len(unsaid) > 0 {
		s = comment(s, unsaid)
	}
	if shape.Form == codec.FormPointer && !list.refusesNull(shape) {
		return s.orNull()
	}
	return s
}

// validated returns the `validate` list of a field, and reports whether the validator can
// reach the field and whether it always does. An embedded nil pointer on the way stops
// it.
func validated(t reflect.Type, index []int) (tag string, reached, always bool) {
	reached, always = true, true
	for i, n := range index {
		if t.Kind() == reflect.Pointer {
			t, always = t.Elem(), false
		}
		f := t.Field(n)
		tag = f.Tag.Get("validate")
		if i < len(index)-1 && tag != "" || !f.IsExported() && !f.Anonymous {
			reached = false // validator does not define what a rule on an embedded struct means for its fields
		}
		t = f.Type
	}
	return tag, reached, always
}

var errNilHub = errors.New("nil hub")

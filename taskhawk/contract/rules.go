package contract

import (
	"encoding/json"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/codec"
)

// rule is one tag of a `validate` list, such as min=3.
type rule struct{ name, param string }

func (r rule) String() string {
	if r.param == "" {
		return r.name
	}
	return r.name + "=" + r.param
}

// ruleList is a `validate` list in parts.
type ruleList struct {
	rules []rule
	dive  string // the rules after dive
	dives bool
}

// parseRules splits a list in the same way as package validator.
func parseRules(tag string) ruleList {
	var list ruleList
	for tag != "" {
		var text string
		text, tag, _ = strings.Cut(tag, ",")
		name, param, _ := strings.Cut(text, "=")
		switch {
		case name == "dive":
			list.dives, list.dive = true, tag
			return list
		case strings.Contains(text, "|"):
			list.rules = append(list.rules, rule{name: text}) // alternatives: no keyword for them
		case text != "":
			param = strings.NewReplacer("0x2C", ",", "0x7C", "|").Replace(param)
			list.rules = append(list.rules, rule{name: name, param: param})
		}
	}
	return list
}

func (l ruleList) has(names ...string) bool {
	return slices.ContainsFunc(l.rules, func(r rule) bool { return slices.Contains(names, r.name) })
}

// texts returns the rules as written in the tag.
func (l ruleList) texts() []string {
	texts := make([]string, len(l.rules))
	for i, r := range l.rules {
		texts[i] = r.String()
	}
	return texts
}

// required reports whether a zero value, and so an absent member, is refused.
func (l ruleList) required() bool { return len(l.rules) > 0 && l.rules[0].name == "required" }

// refusesNull reports whether the list refuses nil, which null is read as. For pointers
// and interfaces the first rule refuses nil before it runs, unless it depends on other
// fields.
func (l ruleList) refusesNull(shape *codec.Shape) bool {
	if len(l.rules) == 0 {
		return false
	}
	first := l.rules[0]
	if kind := shape.Type.Kind(); kind == reflect.Pointer || kind == reflect.Interface {
		_, said := keywords[first.name]
		return said || first.name == "required"
	}
	switch shape.Form {
	case codec.FormSlice, codec.FormMap, codec.FormBytes:
		return first.name == "required"
	}
	return false
}

// refusesNil reports whether the rules require an element of a list or map, which nil
// lacks.
func (l ruleList) refusesNil(s *Schema) bool {
	filled := s.MinItems != nil && *s.MinItems > 0 || s.MinProperties != nil && *s.MinProperties > 0
	return filled && !l.has("omitempty", "omitzero", "omitnil")
}

// keyword adds a rule to a JSON Schema. It returns false if there is no keyword for the
// rule with this parameter and shape.
type keyword func(s *Schema, shape *codec.Shape, param string) bool

// keywords are the rules that JSON Schema can express, except required, dive and the omit
// rules.
var keywords = map[string]keyword{
	"min":   func(s *Schema, shape *codec.Shape, param string) bool { return s.limit(shape, param, false, true) },
	"gte":   func(s *Schema, shape *codec.Shape, param string) bool { return s.limit(shape, param, false, true) },
	"max":   func(s *Schema, shape *codec.Shape, param string) bool { return s.limit(shape, param, true, true) },
	"lte":   func(s *Schema, shape *codec.Shape, param string) bool { return s.limit(shape, param, true, true) },
	"gt":    func(s *Schema, shape *codec.Shape, param string) bool { return s.limit(shape, param, false, false) },
	"lt":    func(s *Schema, shape *codec.Shape, param string) bool { return s.limit(shape, param, true, false) },
	"len":   (*Schema).length,
	"oneof": (*Schema).oneOf,
	"email": formatKeyword("email"), "url": formatKeyword("uri"), "ipv4": formatKeyword("ipv4"),
	"ipv6": formatKeyword("ipv6"), "uuid": formatKeyword("uuid"), "uuid3": formatKeyword("uuid"),
	"uuid4": formatKeyword("uuid"), "uuid5": formatKeyword("uuid"),
}

func formatKeyword(format string) keyword {
	return func(s *Schema, shape *codec.Shape, _ string) bool {
		if shape.Form != codec.FormString || s.Format != "" {
			return false
		}
		s.Format = format
		return true
	}
}

// limit sets a bound on a number, or on the length of another value. Of two bounds on one
// side the narrower applies.
func (s *Schema) limit(shape *codec.Shape, param string, upper, inclusive bool) bool {
	if shape.Form == codec.FormInteger || shape.Form == codec.FormNumber && shape.Bits > 0 {
		return s.limitNumber(shape, param, upper, inclusive)
	}
	n, err := strconv.Atoi(param)
	low, high := s.lengths(shape)
	if err != nil || low == nil {
		return false
	}
	bound := low
	if upper {
		bound = high
	}
	switch {
	case !inclusive && upper:
		n--
	case !inclusive:
		n++
	}
	if upper && n < 0 {
		return false
	}
	n = max(n, 0)
	if *bound == nil || upper && n < **bound || !upper && n > **bound {
		*bound = &n
	}
	return true
}

// lengths returns the keywords for the length of a value, nil if it has none.
func (s *Schema) lengths(shape *codec.Shape) (low, high **int) {
	switch shape.Form {
	case codec.FormString:
		return &s.MinLength, &s.MaxLength
	case codec.FormSlice:
		return &s.MinItems, &s.MaxItems
	case codec.FormMap:
		return &s.MinProperties, &s.MaxProperties
	}
	return nil, nil
}

func (s *Schema) limitNumber(shape *codec.Shape, param string, upper, inclusive bool) bool {
	number, ok := numberParam(shape, param)
	if !ok {
		return false
	}
	plain, exclusive := &s.Minimum, &s.ExclusiveMinimum
	if upper {
		plain, exclusive = &s.Maximum, &s.ExclusiveMaximum
	}
	if !inclusive {
		plain, exclusive = exclusive, plain
	}
	if *exclusive != "" {
		if shape.Form != codec.FormInteger {
			return false
		}
		if *plain == "" && narrower(number, *exclusive, upper) {
			*plain, *exclusive = number, "" // narrower than the bound of the type
			return true
		}
		return false
	}
	if *plain == "" || narrower(number, *plain, upper) {
		*plain = number
	}
	return true
}

// narrower reports whether bound a allows less than bound b.
func narrower(a, b json.Number, upper bool) bool {
	order := rational(a).Cmp(rational(b))
	return upper && order < 0 || !upper && order > 0
}

// rational returns the value of a number, zero if it cannot be read.
func rational(n json.Number) *big.Rat {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return new(big.Rat)
	}
	return r
}

// numberParam reads a parameter as package validator does.
func numberParam(shape *codec.Shape, param string) (json.Number, bool) {
	switch {
	case shape.Type == reflect.TypeFor[time.Duration]():
		if d, err := time.ParseDuration(param); err == nil {
			return json.Number(strconv.FormatInt(int64(d), 10)), true
		}
	case shape.Form == codec.FormNumber:
		f, err := strconv.ParseFloat(param, 64)
		text, bad := json.Marshal(f)
		return json.Number(text), err == nil && bad == nil
	case shape.Unsigned:
		n, err := strconv.ParseUint(param, 0, 64)
		return json.Number(strconv.FormatUint(n, 10)), err == nil
	}
	n, err := strconv.ParseInt(param, 0, 64)
	return json.Number(strconv.FormatInt(n, 10)), err == nil
}

func (s *Schema) length(shape *codec.Shape, param string) bool {
	if shape.Form == codec.FormInteger || shape.Form == codec.FormNumber {
		number, ok := numberParam(shape, param)
		if !ok || shape.Bits == 0 || s.Enum != nil {
			return false
		}
		s.Enum = []any{number}
		return true
	}
	low, high := s.lengths(shape)
	if low == nil || *low != nil || *high != nil {
		return false
	}
	n, err := strconv.Atoi(param)
	if err != nil || n < 0 {
		return false
	}
	*low, *high = &n, &n
	return true
}

func (s *Schema) oneOf(shape *codec.Shape, param string) bool {
	if s.Enum != nil {
		return false
	}
	for _, text := range splitQuoted(param) {
		switch shape.Form {
		case codec.FormString:
			s.Enum = append(s.Enum, text)
		case codec.FormInteger:
			if !isDecimal(text) {
				continue // no integer is written like this
			}
			s.Enum = append(s.Enum, json.Number(text))
		default:
			return false
		}
	}
	return s.Enum != nil
}

func isDecimal(text string) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && strconv.FormatInt(n, 10) == text
}

// splitQuoted splits the parameter of oneof at spaces outside single quotes.
func splitQuoted(param string) []string {
	var words []string
	for {
		param = strings.TrimLeft(param, " \t\n\r\f\v")
		if param == "" {
			return words
		}
		if quoted, rest, ok := strings.Cut(param[1:], "'"); param[0] == '\'' && ok {
			words, param = append(words, quoted), rest
			continue
		}
		end := strings.IndexAny(param, " \t\n\r\f\v")
		if end < 0 {
			end = len(param)
		}
		words, param = append(words, strings.ReplaceAll(param[:end], "'", "")), param[end:]
	}
}

// apply adds the rules of a list to the schema of a value of the given shape, behind its
// pointers. It returns the rules that it cannot express.
func (l ruleList) apply(s *Schema, shape *codec.Shape, pointed bool) (result *Schema, unsaid []string) {
	base := *s
	for i, r := range l.rules {
		switch r.name {
		case "required":
			if !pointed {
				base.requireValue(shape)
			}
		case "omitempty", "omitzero", "omitnil":
			rest := ruleList{rules: l.rules[i+1:]}
			inner, more := rest.apply(&base, shape, pointed)
			unsaid = append(unsaid, more...)
			nilable := pointed || shape.Form == codec.FormSlice || shape.Form == codec.FormMap
			if r.name == "omitnil" || r.name == "omitempty" && nilable {
				return inner, unsaid // the value is not nil, even if empty
			}
			return orZero(inner, s, shape), unsaid
		case "structonly", "nostructlevel":
		default:
			say, known := keywords[r.name]
			if !known || !say(&base, shape, r.param) {
				unsaid = append(unsaid, r.String())
			}
		}
	}
	return &base, unsaid
}

// requireValue refuses the zero of a value without pointers.
func (s *Schema) requireValue(shape *codec.Shape) {
	switch shape.Form {
	case codec.FormString:
		one := 1
		if s.MinLength == nil {
			s.MinLength = &one
		}
	case codec.FormInteger:
		s.Not = &Schema{Const: json.Number("0")}
	case codec.FormNumber:
		if shape.Bits > 0 {
			s.Not = &Schema{Const: json.Number("0")}
		}
	case codec.FormBool:
		s.Const = true
	}
}

// orZero allows the zero value of the shape in addition to the values of ruled. plain is
// the schema without rules.
func orZero(ruled, plain *Schema, shape *codec.Shape) *Schema {
	var zero any
	switch {
	case reflect.DeepEqual(ruled, plain):
		return ruled
	case shape.Form == codec.FormString:
		zero = ""
	case shape.Form == codec.FormInteger, shape.Form == codec.FormNumber && shape.Bits > 0:
		zero = json.Number("0")
	case shape.Form == codec.FormBool:
		return plain
	case shape.Form == codec.FormSlice:
		none := 0
		return &Schema{AnyOf: []*Schema{{Type: Types{"array"}, MaxItems: &none}, ruled}}
	case shape.Form == codec.FormMap:
		none := 0
		return &Schema{AnyOf: []*Schema{{Type: Types{"object"}, MaxProperties: &none}, ruled}}
	default:
		return plain
	}
	return &Schema{AnyOf: []*Schema{{Const: zero}, ruled}}
}

package contract

import (
	"cmp"
	"encoding/json"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// reading is a reader's contract beside a writer's.
type reading struct {
	reader, writer *Contract
	known          map[[2]*Schema]string // gaps; "" also while a pair is being compared, since schemas may be recursive
}

// gap describes values that the writer's schema allows and the reader's refuses, "" if
// there are none. Values that a reader would drop or round without an error are a gap
// too.
func (r *reading) gap(in, out *Schema) string {
	in, out = r.reader.resolve(in), r.writer.resolve(out)
	if in.isAny() {
		return ""
	}
	pair := [2]*Schema{in, out}
	gap, ok := r.known[pair]
	if !ok {
		r.known[pair] = ""
		gap = r.newGap(in, out)
		r.known[pair] = gap
	}
	return gap
}

// newGap compares two schemas. Neither is a reference.
func (r *reading) newGap(in, out *Schema) string {
	switch {
	case in.declared != nil || out.declared != nil:
		if string(in.declared) != string(out.declared) {
			return "another schema is declared"
		}
		return ""
	case in.Comment != "" && in.Comment != out.Comment:
		if !includesRules(in.Comment, out.Comment) {
			return "the reader has another rule: " + in.Comment
		}
	}
	if out.AnyOf != nil {
		return r.gapOfEach(in, out.AnyOf)
	}
	if len(out.Type) > 1 {
		return r.gapOfEach(in, split(out))
	}
	if in.AnyOf != nil {
		return r.gapOfAny(in.AnyOf, out)
	}
	if values := out.values(); values != nil {
		for _, v := range values {
			if !in.allows(v) {
				return jsonText(v) + " is written but not read"
			}
		}
		return ""
	}
	return r.gapOfType(in, out)
}

// gapOfEach returns the first gap of several schemas of the writer.
func (r *reading) gapOfEach(in *Schema, outs []*Schema) string {
	for _, out := range outs {
		if gap := r.gap(in, out); gap != "" {
			return gap
		}
	}
	return ""
}

// gapOfAny returns the gap to the closest of several schemas, which is the last one that
// is not null.
func (r *reading) gapOfAny(ins []*Schema, out *Schema) string {
	closest := ""
	for _, in := range ins {
		gap := r.gap(in, out)
		if gap == "" {
			return ""
		}
		if !slices.Equal(in.Type, Types{"null"}) {
			closest = gap
		}
	}
	return cmp.Or(closest, "another kind of value is read")
}

// split returns a schema for each type that a schema allows.
func split(s *Schema) []*Schema {
	parts := make([]*Schema, len(s.Type))
	for i, name := range s.Type {
		part := *s
		part.Type = Types{name}
		if name == "null" {
			part = Schema{Type: Types{name}}
		}
		parts[i] = &part
	}
	return parts
}

// gapOfType compares a schema of one type, or of any type, with a schema that is no
// choice.
func (r *reading) gapOfType(in, out *Schema) string {
	if in.Const != nil || in.Enum != nil {
		return "only " + jsonText(in.values()) + " is read"
	}
	if in.Not != nil && !reflect.DeepEqual(in.Not, out.Not) && out.mayBeZero() {
		return "0 is written but not read"
	}
	switch {
	case in.Type == nil:
		return ""
	case out.Type == nil:
		return "any value is written, only " + in.kinds() + " is read"
	case !slices.Contains(in.Type, out.Type[0]) && (out.Type[0] != "integer" || !slices.Contains(in.Type, "number")):
		return out.kinds() + " is written, only " + in.kinds() + " is read"
	}
	switch out.Type[0] {
	case "integer", "number":
		return gapOfNumbers(in, out)
	case "string":
		return gapOfStrings(in, out)
	case "array":
		return r.gapOfArrays(in, out)
	case "object":
		return r.gapOfObjects(in, out)
	}
	return ""
}

func (s *Schema) kinds() string { return strings.Join(s.Type, " or ") }

func jsonText(v any) string {
	text, err := marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// values returns the values of const and enum, nil if there is no such list.
func (s *Schema) values() []any {
	if s.Const != nil {
		return []any{s.Const}
	}
	return s.Enum
}

// includesRules reports whether the writer has all rules of the reader.
func includesRules(in, out string) bool {
	inRules, ok := strings.CutPrefix(in, "validate: ")
	outRules, both := strings.CutPrefix(out, "validate: ")
	if !ok || !both {
		return false
	}
	has := strings.Split(outRules, ",")
	for rule := range strings.SplitSeq(inRules, ",") {
		if !slices.Contains(has, rule) {
			return false
		}
	}
	return true
}

// gapOfBounds compares a lower bound, or with sign -1 an upper bound. Nil means no bound.
func gapOfBounds(in, out *big.Rat, sign int, what string) string {
	if in == nil || out != nil && out.Cmp(in)*sign >= 0 {
		return ""
	}
	bound := "at least "
	if sign < 0 {
		bound = "at most "
	}
	return what + bound + in.RatString() + " is read"
}

// bounds returns the smallest and the largest number of a schema.
func (s *Schema) bounds() (low, high *big.Rat) {
	low, high = ratOf(s.Minimum, s.ExclusiveMinimum), ratOf(s.Maximum, s.ExclusiveMaximum)
	first, last := boundsOf(64, s.Format == "uint64")
	if s.Format == "int64" || s.Format == "uint64" {
		if low == nil {
			low = new(big.Rat).SetInt(first)
		}
		if high == nil {
			high = new(big.Rat).SetInt(last)
		}
	}
	return low, high
}

func ratOf(n, exclusive json.Number) *big.Rat {
	n = json.Number(cmp.Or(string(n), string(exclusive)))
	if n == "" {
		return nil
	}
	return rational(n)
}

// mayBeZero reports whether the bounds and the type allow 0.
func (s *Schema) mayBeZero() bool {
	low, high := s.bounds()
	return !slices.Equal(s.Type, Types{"null"}) && s.Not == nil &&
		(low == nil || low.Sign() < 0 || low.Sign() == 0 && s.ExclusiveMinimum == "") &&
		(high == nil || high.Sign() > 0 || high.Sign() == 0 && s.ExclusiveMaximum == "")
}

// exactDigits are the powers of two up to which a format keeps every integer.
var exactDigits = map[string]uint{"float": 24, "double": 53}

func gapOfNumbers(in, out *Schema) string {
	low, high := in.bounds()
	outLow, outHigh := out.bounds()
	if gap := cmp.Or(gapOfBounds(low, outLow, 1, ""), gapOfBounds(high, outHigh, -1, "")); gap != "" {
		return gap
	}
	if out.ExclusiveMinimum == "" && in.ExclusiveMinimum != "" && low.Cmp(outLow) == 0 ||
		out.ExclusiveMaximum == "" && in.ExclusiveMaximum != "" && high.Cmp(outHigh) == 0 {
		return "the bound itself is written but not read"
	}
	digits, rounds := exactDigits[in.Format]
	outDigits, rounded := exactDigits[out.Format]
	switch {
	case !rounds || rounded && outDigits <= digits:
		return ""
	case out.Type[0] == "integer":
		exact := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), digits))
		if outLow != nil && outHigh != nil && outHigh.Cmp(exact) <= 0 && outLow.Cmp(new(big.Rat).Neg(exact)) >= 0 {
			return ""
		}
	}
	return "digits are rounded away by a " + in.Format
}

func gapOfStrings(in, out *Schema) string {
	if gap := cmp.Or(gapOfBounds(intRat(in.MinLength), intRat(out.MinLength), 1, "length: "),
		gapOfBounds(intRat(in.MaxLength), intRat(out.MaxLength), -1, "length: ")); gap != "" {
		return gap
	}
	switch {
	case in.ContentEncoding != out.ContentEncoding:
		return "bytes in base64 on one side, text on the other"
	case in.Format != "" && in.Format != out.Format:
		return "only format " + in.Format + " is read"
	}
	return ""
}

func intRat(n *int) *big.Rat {
	if n == nil {
		return nil
	}
	return new(big.Rat).SetInt64(int64(*n))
}

func (r *reading) gapOfArrays(in, out *Schema) string {
	if gap := cmp.Or(gapOfBounds(intRat(in.MinItems), intRat(out.MinItems), 1, "number of items: "),
		gapOfBounds(intRat(in.MaxItems), intRat(out.MaxItems), -1, "number of items: ")); gap != "" {
		return gap
	}
	if in.Items == nil || out.Items == nil {
		return ""
	}
	return within("items", r.gap(in.Items, out.Items))
}

func within(part, gap string) string {
	if gap == "" {
		return ""
	}
	return part + ": " + gap
}

// gapOfObjects compares structs and maps. The reader drops an unknown member without an
// error.
func (r *reading) gapOfObjects(in, out *Schema) string {
	if gap := cmp.Or(gapOfBounds(intRat(in.MinProperties), intRat(out.MinProperties), 1, "number of members: "),
		gapOfBounds(intRat(in.MaxProperties), intRat(out.MaxProperties), -1, "number of members: ")); gap != "" {
		return gap
	}
	for _, name := range in.Required {
		if !slices.Contains(out.Required, name) {
			return within(name, "may be absent but is required")
		}
	}
	if out.AdditionalProperties != nil {
		if in.AdditionalProperties == nil {
			return "members of any name are written but dropped by the reader"
		}
		return within("members", r.gap(in.AdditionalProperties, out.AdditionalProperties))
	}
	for _, name := range slices.Sorted(maps.Keys(out.Properties)) {
		known := in.member(name)
		if known == nil {
			return within(name, "the reader has no such member and drops it")
		}
		if gap := r.gap(known, out.Properties[name]); gap != "" {
			return within(name, gap)
		}
	}
	return ""
}

// member returns the schema of a member, in any case of its name.
func (s *Schema) member(name string) *Schema {
	if s.AdditionalProperties != nil {
		return s.AdditionalProperties
	}
	if exact, ok := s.Properties[name]; ok {
		return exact
	}
	for _, other := range slices.Sorted(maps.Keys(s.Properties)) {
		if strings.EqualFold(other, name) {
			return s.Properties[other]
		}
	}
	return nil
}

// allows reports whether a string, number or bool is certainly allowed.
func (s *Schema) allows(v any) bool {
	if s.AnyOf != nil {
		return slices.ContainsFunc(s.AnyOf, func(part *Schema) bool { return part.allows(v) })
	}
	if s.Not != nil && s.Not.allows(v) {
		return false
	}
	if values := s.values(); values != nil {
		if !slices.Contains(values, v) {
			return false
		}
	}
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	switch {
	case s.Type == nil:
		return true
	case isText:
		n := utf8.RuneCountInString(text)
		return slices.Contains(s.Type, "string") && s.Format == "" && s.ContentEncoding == "" &&
			(s.MinLength == nil || n >= *s.MinLength) && (s.MaxLength == nil || n <= *s.MaxLength)
	case isNumber:
		point := &Schema{Type: Types{"integer"}, Minimum: number, Maximum: number}
		if strings.ContainsAny(string(number), ".eE") {
			point.Type = Types{"number"}
		}
		isNumber := slices.Contains(s.Type, "number") || slices.Contains(s.Type, point.Type[0])
		return isNumber && gapOfNumbers(s, point) == ""
	}
	return slices.Contains(s.Type, "boolean")
}

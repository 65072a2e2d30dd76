package codec_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"
)

// generator makes random types and values of them.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, seed))} }

var leaves = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[string](), reflect.TypeFor[namedString](),
	reflect.TypeFor[[]byte](), reflect.TypeFor[namedBytes](), reflect.TypeFor[time.Time](), reflect.TypeFor[json.Number](),
	reflect.TypeFor[json.RawMessage](), reflect.TypeFor[any](), reflect.TypeFor[upper](), reflect.TypeFor[shout](),
	reflect.TypeFor[level](), reflect.TypeFor[point](), reflect.TypeFor[spaced](), reflect.TypeFor[tree](), reflect.TypeFor[leaf](),
}

var keys = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[namedString](), reflect.TypeFor[int8](), reflect.TypeFor[uint](), reflect.TypeFor[point](),
	reflect.TypeFor[upper](),
}

// typ returns a random type, nested depth levels at most.
func (g generator) typ(depth int) reflect.Type {
	if depth == 0 {
		return leaves[g.IntN(len(leaves))]
	}
	switch g.IntN(7) {
	case 0:
		return reflect.PointerTo(g.typ(depth - 1))
	case 1:
		return reflect.SliceOf(g.typ(depth - 1))
	case 2:
		return reflect.ArrayOf(g.IntN(4), g.typ(depth-1))
	case 3:
		return reflect.MapOf(keys[g.IntN(len(keys))], g.typ(depth-1))
	case 4, 5:
		return g.structType(depth - 1)
	}
	return leaves[g.IntN(len(leaves))]
}

func (g generator) structType(depth int) reflect.Type {
	names := []string{"A", "Ab", "AB", "B_c", "É", "Kelvin", "Long_name_of_a_field"}
	options := []string{"", "", "", ",omitempty", ",omitzero", ",string", ",string,omitempty", ",omitempty,omitzero"}
	tags := []string{"", "", "a", "x y", "bad\\\"", "日本", "ſ", "K", "-"}
	var fields []reflect.StructField
	for _, name := range names[:g.IntN(len(names)+1)] {
		tag := `json:"` + tags[g.IntN(len(tags))] + options[g.IntN(len(options))] + `"`
		fields = append(fields, reflect.StructField{Name: name, Type: g.typ(depth), Tag: reflect.StructTag(tag)})
	}
	return reflect.StructOf(fields)
}

// fill gives v, which is settable, a random value.
func (g generator) fill(v reflect.Value, depth int) {
	if depth == 0 || g.IntN(8) == 0 {
		return
	}
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Unix(g.Int64N(4e9), g.Int64N(1e9)).In(time.FixedZone("", g.IntN(100)*900-45000))
		return
	case *json.Number:
		*x = json.Number([]string{"", "0", "-1.5e+300", strings.Repeat("9", 30), "nope", "1."}[g.IntN(6)])
		return
	case *json.RawMessage:
		*x = json.RawMessage([]string{"null", `{"a" : [1, "<x>"]}`, `"\u2028"`, " 1 ", `[`, ""}[g.IntN(6)])
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		g.fill(v.Elem(), depth-1)
	case reflect.Struct:
		for _, f := range v.Fields() {
			if f.CanSet() {
				g.fill(f, depth-1)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), g.IntN(4), 4))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			g.fill(v.Index(i), depth-1)
		}
	case reflect.Map:
		g.fillMap(v, depth-1)
	case reflect.Interface:
		v.Set(reflect.ValueOf(g.any(depth - 1)))
	default:
		g.fillScalar(v)
	}
}

func (g generator) fillMap(v reflect.Value, depth int) {
	v.Set(reflect.MakeMap(v.Type()))
	for range g.IntN(4) {
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		g.fill(key, 2)
		g.fill(elem, depth)
		v.SetMapIndex(key, elem)
	}
}

func (g generator) any(depth int) any {
	if depth <= 0 {
		return g.string()
	}
	choices := []any{new([]any), new(map[string]any), new(float64), new(bool), new(int), new(string), new(leaf), new(*shout), new(shout), new(level), new(upper), new(json.Number)}
	v := reflect.ValueOf(choices[g.IntN(len(choices))]).Elem()
	g.fill(v, depth)
	return v.Interface()
}

func (g generator) fillScalar(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(g.IntN(2) == 0)
	case v.CanInt():
		v.SetInt(int64(g.Uint64()) >> g.IntN(64))
	case v.CanUint():
		v.SetUint(g.Uint64() >> g.IntN(64))
	case v.CanFloat():
		v.SetFloat(g.float())
	case v.Kind() == reflect.String:
		v.SetString(g.string())
	}
}

func (g generator) float() float64 {
	switch g.IntN(6) {
	case 0:
		return float64(g.IntN(2000) - 1000)
	case 1:
		return []float64{math.Copysign(0, -1), 1e21, 1e-6, 1e-7, 999999999999999999999, math.MaxFloat64, 5e-324, 1 << 53, 1<<63 - 1024, math.MaxFloat32}[g.IntN(10)]
	case 2:
		return math.Float64frombits(g.Uint64())
	}
	return g.NormFloat64() * math.Pow10(g.IntN(50)-25)
}

func (g generator) string() string {
	parts := []string{"", "a", "plain text", "\"", "\\", "\n\t\b\f\r\x00\x1f", "<&>", "日本語", "é", "\u2028\u2029", "😀", "\x7f", "\ufffd"}
	if g.IntN(20) == 0 {
		parts = append(parts, "\xff", "\ufffe", "\uffff", "\xed\xa0\x80")
	}
	var b strings.Builder
	for range g.IntN(6) {
		b.WriteString(parts[g.IntN(len(parts))])
	}
	return b.String()
}

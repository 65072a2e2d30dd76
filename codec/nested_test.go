package codec_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
)

// Types that encoding/json treats oddly; each is compared with it, in both directions.

type (
	// OneX and TwoX clash at one depth; Three wins by its tag, and Over by depth.
	OneX struct{ Clash, Three, Over int }
	TwoX struct {
		Clash int
		Three int `json:"Three"`
		Over  int
	}
	clashing struct {
		OneX
		TwoX
		Over string
	}

	// Diamond embeds the same struct by two ways.
	Leaf4   struct{ Deep int }
	WayA    struct{ Leaf4 }
	WayB    struct{ Leaf4 }
	diamond struct {
		WayA
		WayB
	}

	// ring embeds itself.
	Ring struct {
		*Ring
		Name string
	}

	// behind has a field that cannot be reached by decoding.
	secret struct{ Inside int }
	behind struct {
		*secret
		Other int
	}

	// scalars embeds what is no struct.
	Word     string
	scalars  struct{ Word }
	pointed  struct{ *Word }
	stringer struct{ fmt.Stringer }

	// renamed embeds a struct under a name.
	renamed struct {
		Leaf4 `json:"leaf"`
	}

	omits struct {
		Zero    time.Time                  `json:",omitzero"`
		Always  always                     `json:",omitzero"`
		PAlways *always                    `json:",omitzero"`
		Never   never                      `json:",omitzero"`
		Iface   interface{ IsZero() bool } `json:",omitzero"`
		Struct  Leaf4                      `json:",omitzero"`
		Float   float64                    `json:",omitempty"`
		F32     float32                    `json:",omitzero"`
		Array   [0]int                     `json:",omitempty"`
		Array1  [1]int                     `json:",omitempty"`
		Map     map[string]int             `json:",omitempty"`
		Slice   []int                      `json:",omitempty"`
		Any     any                        `json:",omitempty"`
		Ptr     *Leaf4                     `json:",omitempty"`
		NoEmpty Leaf4                      `json:",omitempty"` //nolint:modernize // that it has no effect is what is tested
	}

	// bothKey has text and JSON methods; as a key its UnmarshalJSON comes first.
	bothKey string

	// badKey refuses.
	badKey int

	closed struct {
		Stringer fmt.Stringer
		Text     encoding.TextMarshaler
		JSON     json.Marshaler
	}

	quotes struct {
		B   bool          `json:",string"`
		I   int8          `json:",string"`
		U   uint16        `json:",string"`
		F   float32       `json:",string"`
		S   string        `json:",string"`
		P   *int          `json:",string"`
		N   json.Number   `json:",string"`
		Up  upper         `json:",string"`
		PUp *upper        `json:",string"`
		Lvl level         `json:",string"`
		PP  **int         `json:",string"` //nolint:staticcheck // that it has no effect is what is tested
		L   []int         `json:",string"` //nolint:staticcheck // that it has no effect is what is tested
		A   any           `json:",string"` //nolint:staticcheck // that it has no effect is what is tested
		D   time.Duration `json:",string"`
	}
)

func (k *bothKey) UnmarshalJSON(b []byte) error { *k = "json " + bothKey(b); return nil }
func (k *bothKey) UnmarshalText(b []byte) error { *k = "text " + bothKey(b); return nil }

func (*badKey) UnmarshalText([]byte) error { return errRefused }

func (w Word) String() string { return string(w) }

func TestOddTypesAreThoseOfEncodingJSON(t *testing.T) {
	t.Parallel()
	word, one, up := Word("w"), always(1), upper("up")
	n := 5
	pn := &n
	for _, v := range []any{
		clashing{OneX{1, 2, 3}, TwoX{4, 5, 6}, "over"},
		diamond{WayA{Leaf4{1}}, WayB{Leaf4{2}}},
		Ring{&Ring{nil, "inner"}, "outer"}, Ring{},
		behind{&secret{1}, 2}, behind{},
		scalars{"x"}, pointed{&word}, pointed{}, stringer{word}, renamed{Leaf4{1}},
		omits{}, omits{Always: 1, PAlways: &one, Iface: one, Float: 0.1, F32: 1, Map: map[string]int{}, Slice: []int{}, Any: 0, Ptr: &Leaf4{}},
		map[bothKey]int{"a": 1}, map[badKey]int{1: 1}, map[*point]int{{1, 2}: 1, nil: 2}, map[float64]string(nil), map[encoding.TextMarshaler]int{point{3, 4}: 5},
		closed{}, closed{Stringer: word, Text: up, JSON: spaced{"x"}},
		quotes{}, quotes{true, -1, 2, 0.5, "a\"\ufffe\\ufffe", pn, "7", "up", &up, 3, &pn, []int{1}, "x", time.Second},
		struct{ time.Time }{time.Unix(1e9, 5).UTC()}, &struct{ shout }{shout{"x"}},
		map[string]struct{ shout }{"k": {shout{"y"}}}, []shout{{"z"}}, [1]shout{{"q"}}, map[string][1]shout{"k": {{"a"}}}, map[string]*shout{"k": {"p"}, "n": nil},
		any(nil), []any{nil, 1, "x", 2.5, true, json.Number("1e3"), []byte("b"), [2]bool{true}, &n, map[int]any{1: nil}, struct{}{}, uint8(3)},
		[]upper{"a"}, []byte{}, []byte(nil), [3]byte{1, 2}, []level{1, 2}, []namedInt{1}, map[level]string{3: "x"}, map[namedInt]upper{-1: "y"},
		tree{Kids: []tree{}, ByKey: map[string]*tree{}}, []*int{nil, pn}, &pn, time.Duration(5), uintptr(7), float32(1e21), float32(1e-7), float32(0.1),
		[]any{1e20, 1e21, 1e-6, 1e-7, 123456789.123456, 0.000001, 100.5, -0.25, 1e15, 999999999.999999, 1e9, 0.1 + 0.2, 5e-324, 4503599627370496.5},
		"\u2028\u2029\ufffd\ufffe\uffff\U0001fffe", "é\x7f\"\\/<>&\x00\x1f", strings.Repeat("日本語\n", 5),
	} {
		if v == nil {
			continue
		}
		p := reflect.New(reflect.TypeOf(v))
		p.Elem().Set(reflect.ValueOf(v))
		if p.Type() != reflect.TypeFor[*map[float64]string]() {
			checkEncode(t, p.Elem())
		}
		if encoded, err := codec.EncodeValue(p.Elem()); err == nil {
			text := string(encoded)
			checkDecode(t, p.Type().Elem(), text)
			checkDecode(t, p.Type().Elem(), " "+strings.ReplaceAll(strings.ReplaceAll(text, ":", " : "), ",", "\n,\t")+" ")
		}
	}
}

func TestOddTextsAreThoseOfEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, quoted := range []string{
		`{"Lvl":"2"}`, `{"N":"1e5"}`, `{"Up":null}`, `{"Lvl":null}`, `{"PUp":null}`, `{"PUp":"null"}`, `{"Up":"null"}`, `{"Lvl":"nope"}`, `{"S":"\"\\ud800\""}`,
		`{"I":" 1"}`, `{"I":"007"}`, `{"I":"+1"}`, `{"I":"1e2"}`, `{"I":"1.0"}`, `{"I":"1 "}`, `{"I":"1_0"}`, `{"I":"0x10"}`, `{"I":true}`, `{"I":1}`,
		`{"F":"-Inf"}`, `{"F":"0x1p-2"}`, `{"F":"1e400"}`, `{"F":"NaN"}`, `{"F":"-0x_1p2"}`, `{"F":"-"}`, `{"F":"false"}`, `{"U":"-0"}`, `{"U":"256"}`,
		`{"S":"null"}`, `{"S":"nul"}`, `{"P":"null"}`, `{"P":"nul"}`, `{"B":"TRUE"}`, `{"B":"t"}`, `{"B":"nul"}`, `{"S":"\"a\" "}`, `{"S":"true"}`, `{"S":"1"}`,
		`{"N":" 1"}`, `{"N":"01"}`, `{"N":"1x"}`, `{"N":"\"1\""}`, `{"N":"\"x\""}`, `{"N":"\"\""}`, `{"B":"\"true\""}`, `{"Up":"a"}`, `{"Up":"\"a"}`, `{"Lvl":"x"}`,
	} {
		checkDecode(t, reflect.TypeFor[quotes](), quoted)
	}
	for text, types := range map[string][]reflect.Type{
		`{"Inside":1}`: {reflect.TypeFor[behind]()}, `{"Inside":null,"Other":1}`: {reflect.TypeFor[behind]()}, `{"Inside":}`: {reflect.TypeFor[behind]()},
		`{"CLASH":1,"three":2,"OVER":"x","Deep":3}`: {reflect.TypeFor[clashing](), reflect.TypeFor[diamond]()},
		`{"Name":"x","Ring":{"Name":"y"}}`:          {reflect.TypeFor[Ring]()},
		`{"Word":"x"}`:                              {reflect.TypeFor[scalars](), reflect.TypeFor[pointed]()},
		`{"Stringer":null}`:                         {reflect.TypeFor[stringer](), reflect.TypeFor[closed]()},
		`{"Stringer":"x"}`:                          {reflect.TypeFor[stringer](), reflect.TypeFor[closed]()},
		`{"a":1,"b":2}`: {
			reflect.TypeFor[map[bothKey]int](), reflect.TypeFor[map[badKey]int](), reflect.TypeFor[map[*point]int](), reflect.TypeFor[map[level]int](),
			reflect.TypeFor[map[encoding.TextMarshaler]int](), reflect.TypeFor[map[upper]int8](),
		},
		`{"1":1,"-1":2,"+1":3,"01":4}`: {reflect.TypeFor[map[int16]int](), reflect.TypeFor[map[uint8]int]()},
		`{"300":1}`:                    {reflect.TypeFor[map[uint8]int](), reflect.TypeFor[map[int8]int]()},
		`[1,2,3]`:                      {reflect.TypeFor[[2]int8](), reflect.TypeFor[[4]any](), reflect.TypeFor[[]byte](), reflect.TypeFor[[]level](), reflect.TypeFor[[]bool]()},
		`["x",null]`:                   {reflect.TypeFor[[]*string](), reflect.TypeFor[[]upper](), reflect.TypeFor[[2]string](), reflect.TypeFor[[]byte]()},
		`"abc"`:                        {reflect.TypeFor[[]byte](), reflect.TypeFor[namedBytes](), reflect.TypeFor[[4]byte](), reflect.TypeFor[any](), reflect.TypeFor[**string]()},
		`null`: {
			reflect.TypeFor[any](), reflect.TypeFor[fmt.Stringer](), reflect.TypeFor[shout](), reflect.TypeFor[*shout](), reflect.TypeFor[**shout](), reflect.TypeFor[upper](),
			reflect.TypeFor[[]int](), reflect.TypeFor[map[string]int](), reflect.TypeFor[namedMap](), reflect.TypeFor[struct{ time.Time }](), reflect.TypeFor[[2]int](),
			reflect.TypeFor[float32](), reflect.TypeFor[uint8](), reflect.TypeFor[json.Number](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[bool](),
		},
		`{"B":"true","I":"-8","U":"7","F":"1.5","S":"\"x\"","P":"3","N":"1e5","Up":"\"a\"","PUp":"\"b\"","Lvl":"2","PP":1,"L":[1],"A":2,"D":"9"}`: {reflect.TypeFor[quotes]()},
		`{"B":"null","P":null,"S":null}`: {reflect.TypeFor[quotes]()}, `{"B":"1"}`: {reflect.TypeFor[quotes]()}, `{"I":"128"}`: {reflect.TypeFor[quotes]()},
		`{"S":"x"}`: {reflect.TypeFor[quotes]()}, `{"S":"\"\\'\""}`: {reflect.TypeFor[quotes]()}, `{"N":"x"}`: {reflect.TypeFor[quotes]()}, `{"PUp":"b"}`: {reflect.TypeFor[quotes]()},
		`{"I":[1]}`: {reflect.TypeFor[quotes]()}, `{"I":{}}`: {reflect.TypeFor[quotes]()}, `{"I":""}`: {reflect.TypeFor[quotes]()}, `{"I":"\u0031"}`: {reflect.TypeFor[quotes]()},
		`{"a":"1","b":null,"a":"2"}`: {reflect.TypeFor[namedMap](), reflect.TypeFor[map[string]string](), reflect.TypeFor[map[namedString]string](), reflect.TypeFor[map[string]*string]()},
		`{"a":"1","b":2}`:            {reflect.TypeFor[namedMap]()}, `{"a":"1" "b"}`: {reflect.TypeFor[namedMap]()}, `{a}`: {reflect.TypeFor[namedMap]()},
		`1.5`: {reflect.TypeFor[float32](), reflect.TypeFor[int](), reflect.TypeFor[uint](), reflect.TypeFor[any](), reflect.TypeFor[json.Number](), reflect.TypeFor[string]()},
		`-0`:  {reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[int](), reflect.TypeFor[uint](), reflect.TypeFor[any]()},
		`01`:  {reflect.TypeFor[float32](), reflect.TypeFor[int](), reflect.TypeFor[any]()}, `1.`: {reflect.TypeFor[float64](), reflect.TypeFor[int]()},
		`-`: {reflect.TypeFor[float64](), reflect.TypeFor[int](), reflect.TypeFor[any]()}, `1e5`: {reflect.TypeFor[float64](), reflect.TypeFor[int](), reflect.TypeFor[any]()},
		`16777217`:             {reflect.TypeFor[float32](), reflect.TypeFor[int32](), reflect.TypeFor[int16]()},
		`0.1234567890123456`:   {reflect.TypeFor[float32](), reflect.TypeFor[float64]()},
		`9007199254740993`:     {reflect.TypeFor[float64](), reflect.TypeFor[int64](), reflect.TypeFor[uint64]()},
		`18446744073709551615`: {reflect.TypeFor[uint64](), reflect.TypeFor[int64](), reflect.TypeFor[float64](), reflect.TypeFor[uintptr]()},
		`18446744073709551616`: {reflect.TypeFor[uint64](), reflect.TypeFor[float64]()}, `-9223372036854775808`: {reflect.TypeFor[int64](), reflect.TypeFor[int32]()},
		`1e39`: {reflect.TypeFor[float32](), reflect.TypeFor[float64]()}, `0.00000000000000000000001`: {reflect.TypeFor[float32](), reflect.TypeFor[float64]()},
	} {
		for _, typ := range types {
			checkDecode(t, typ, text)
		}
	}
}

func TestManyEntriesOfAStringMap(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 15, 16, 17, 100} {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprint("key ", i)] = fmt.Sprint(i)
		}
		text := encode(t, struct{ M map[string]string }{m})
		args, kwargs := split(text)
		got, err := decode[struct{ M map[string]string }](t, args, kwargs)
		require.NoError(t, err)
		require.Equal(t, m, got.M)
	}
}

func TestHugeMessagesAreNotKept(t *testing.T) {
	t.Parallel()
	m := map[int]string{}
	for i := range 5000 {
		m[i] = strings.Repeat("x", 50)
	}
	c := of[struct{ M map[int]string }](t)
	for range 3 {
		dst, err := c.Append(nil, &struct{ M map[int]string }{m})
		require.NoError(t, err)
		want, err := json.Marshal(m)
		require.NoError(t, err)
		require.Equal(t, `"args":[`+string(want)+`],"kwargs":{}`, string(dst))
	}
	require.Zero(t, codec.KeptEntries[struct{ M map[int]string }]())
}

package codec_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
)

// call has every kind of parameter: def f(a, b, c=0, *, k, o=None, **rest).
type call struct {
	A    string
	B    *int
	C    int            `taskhawk:",optional"`
	K    bool           `taskhawk:",kw"`
	O    *string        `taskhawk:",kw,optional"`
	Rest map[string]any `taskhawk:",rest"`
}

func TestDecodeBindsAsPython(t *testing.T) {
	t.Parallel()
	two, o := 2, "o"
	for _, c := range []struct {
		name, args, kwargs string
		want               call
	}{
		{"positions", `["a",2]`, `{"k":true}`, call{A: "a", B: &two, K: true}},
		{"an optional by position", `["a",2,3]`, `{"k":false}`, call{A: "a", B: &two, C: 3}},
		{"all by name", ``, `{"k":true,"o":"o","c":3,"b":2,"a":"a"}`, call{A: "a", B: &two, C: 3, K: true, O: &o}},
		{"null args", `null`, `{"a":"a","b":null,"k":true}`, call{A: "a", K: true}},
		{"a null is given", `["a",null]`, `{"k":null,"o":null}`, call{A: "a"}},
		{"rest", `["a",2]`, `{"x":1,"k":true,"y":[null]}`, call{A: "a", B: &two, K: true, Rest: map[string]any{"x": 1.0, "y": []any{nil}}}},
		{"case matters", `["a",2]`, `{"K":1,"k":true}`, call{A: "a", B: &two, K: true, Rest: map[string]any{"K": 1.0}}},
		{"escaped names", `["a"]`, `{"\u0062":2,"k":true}`, call{A: "a", B: &two, K: true}},
		{"white space", " [ \"a\" , 2 ] ", "\n{ \"k\" : true }\t", call{A: "a", B: &two, K: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := decode[call](t, c.args, c.kwargs)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestDecodeRefusesAsPython(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args, kwargs string
		kind         error
		text         string
	}{
		{`["a",2,3,4]`, `{"k":true}`, codec.ErrTooManyArgs, `codec: args: too many args: takes at most 3`},
		{`["a",2]`, `{"k":true,"a":"x"}`, codec.ErrGivenTwice, `codec: parameter a: kwargs.a: given twice: the keyword comes after the same argument`},
		{`["a",2]`, `{"k":true,"k":true}`, codec.ErrGivenTwice, `codec: parameter k: kwargs.k: given twice: the keyword comes after the same argument`},
		{`["a",2]`, `{"k":true,"x":1,"\u0078":2}`, codec.ErrGivenTwice, `codec: kwargs["x"]: given twice: the keyword comes again`},
		{`["a"]`, `{}`, codec.ErrMissing, `codec: parameter b: missing: b, k`},
		{``, ``, codec.ErrMissing, `codec: parameter a: missing: a, b, k`},
		{`[1,2]`, `{"k":true}`, codec.ErrWrongType, `codec: parameter a: args[0]: wrong type: got number, want string`},
		{`["a","2"]`, `{"k":true}`, codec.ErrWrongType, `codec: parameter b: args[1]: wrong type: got string, want int`},
		{`["a",2]`, `{"k":1}`, codec.ErrWrongType, `codec: parameter k: kwargs.k: wrong type: got number, want bool`},
		{`{}`, `{}`, codec.ErrWrongType, `codec: args: wrong type: got object, want array`},
		{`"ab"`, `{}`, codec.ErrWrongType, `codec: args: wrong type: got string, want array`},
		{`[]`, `[]`, codec.ErrWrongType, `codec: kwargs: wrong type: got array, want object`},
		{`["a",2] 3`, ``, codec.ErrSyntax, `codec: args: syntax: unexpected '3', want the end at offset 8`},
		{`["a",2]`, `{"k":true}}`, codec.ErrSyntax, `codec: kwargs: syntax: unexpected '}', want the end at offset 10`},
		{`["a",2,]`, ``, codec.ErrSyntax, `codec: parameter c: args[2]: syntax: unexpected ']', want a value at offset 7`},
		{`["a",2`, ``, codec.ErrSyntax, `codec: args: syntax: unexpected end, want ',' or ']' at offset 6`},
		{` `, ``, codec.ErrSyntax, `codec: args: syntax: unexpected end, want a value at offset 1`},
		{`nulls`, ``, codec.ErrSyntax, `codec: args: syntax: unexpected 's', want the end at offset 4`},
		{`["a",2]`, `{"k" true}`, codec.ErrSyntax, `codec: kwargs: syntax: unexpected 't', want ':' at offset 5`},
		{`["a",2]`, `{k:true}`, codec.ErrSyntax, `codec: kwargs: syntax: unexpected 'k', want a string at offset 1`},
		{`["a",2]`, `{"k":true "o":1}`, codec.ErrSyntax, `codec: kwargs: syntax: unexpected '"', want ',' or '}' at offset 10`},
		{`["a",2]`, `{"k":tru}`, codec.ErrSyntax, `codec: parameter k: kwargs.k: syntax: unexpected '}', want true at offset 8`},
	} {
		t.Run(c.args+c.kwargs, func(t *testing.T) {
			t.Parallel()
			_, err := decode[call](t, c.args, c.kwargs)
			require.ErrorIs(t, err, c.kind)
			require.EqualError(t, err, c.text)
			var fault *codec.Error
			require.ErrorAs(t, err, &fault)
		})
	}
}

func TestDecodeUnknownKeywordIsQuotedAndCut(t *testing.T) {
	t.Parallel()
	_, err := decode[sendEmail](t, `["a","b"]`, `{"line\nbreak":1}`)
	require.ErrorIs(t, err, codec.ErrUnknownKeyword)
	require.EqualError(t, err, `codec: kwargs["line\nbreak"]: unknown keyword: there is no such parameter`)
	_, err = decode[sendEmail](t, `["a","b"]`, `{"`+strings.Repeat("x", 1000)+`":1}`)
	require.ErrorIs(t, err, codec.ErrUnknownKeyword)
	require.Less(t, len(err.Error()), 120)
}

func TestDecodeManyParameters(t *testing.T) {
	t.Parallel()
	type many struct {
		P00, P01, P02, P03, P04, P05, P06, P07, P08, P09, P10, P11, P12, P13, P14, P15, P16, P17, P18, P19, P20, P21, P22, P23 int
		Q00, Q01, Q02, Q03, Q04, Q05, Q06, Q07, Q08, Q09, Q10, Q11, Q12, Q13, Q14, Q15, Q16, Q17, Q18, Q19, Q20, Q21, Q22, Q23 int
		R00, R01, R02, R03, R04, R05, R06, R07, R08, R09, R10, R11, R12, R13, R14, R15, R16, R17, R18, R19, R20, R21, R22, R23 int
	}
	want := many{P00: 1, Q20: 2, R23: 3}
	args, kwargs := split(encode(t, want))
	got, err := decode[many](t, args, kwargs)
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = decode[many](t, `[`+strings.Repeat("1,", 70)+`1]`, `{"q20":1}`)
	require.ErrorIs(t, err, codec.ErrGivenTwice)
	_, err = decode[many](t, `[`+strings.Repeat("1,", 70)+`1]`, ``)
	require.EqualError(t, err, "codec: parameter r23: missing: r23")
}

func TestRest(t *testing.T) {
	t.Parallel()
	type raw struct {
		ID   int
		More map[namedString]json.RawMessage `taskhawk:",rest"`
	}
	require.Equal(t, `"args":[1],"kwargs":{"a":{"x":1},"b":"é","z":null}`,
		encode(t, raw{1, map[namedString]json.RawMessage{"z": nil, "a": json.RawMessage(`{ "x": 1 }`), "b": json.RawMessage(`"é"`)}}))
	require.Equal(t, `"args":[1],"kwargs":{}`, encode(t, raw{ID: 1}))

	got, err := decode[raw](t, `[1]`, `{"b": [1, 2] ,"a":null}`)
	require.NoError(t, err)
	require.Equal(t, raw{1, map[namedString]json.RawMessage{"b": json.RawMessage(`[1, 2]`), "a": json.RawMessage(`null`)}}, got)

	got, err = decode[raw](t, `[1]`, `{}`)
	require.NoError(t, err)
	require.Nil(t, got.More)

	_, err = of[raw](t).Append(nil, &raw{1, map[namedString]json.RawMessage{"a": nil, "id": nil}})
	require.ErrorIs(t, err, codec.ErrGivenTwice)
	require.EqualError(t, err, "codec: parameter id: kwargs.id: given twice: a key of More as well")

	_, err = of[raw](t).Append(nil, &raw{1, map[namedString]json.RawMessage{"\xff": nil}})
	require.ErrorIs(t, err, codec.ErrInvalidUTF8)
}

func TestRestValueErrorsNameTheKeyword(t *testing.T) {
	t.Parallel()
	type ints struct {
		Rest map[string][]int `taskhawk:",rest"`
	}
	_, err := decode[ints](t, ``, `{"a":[1],"b":[1,"x"]}`)
	require.EqualError(t, err, `codec: parameter rest: kwargs["b"][1]: wrong type: got string, want int`)
}

// structWith returns a struct type whose field has the name in JSON.
func structWith(name string) reflect.Type {
	return reflect.StructOf([]reflect.StructField{{Name: "F", Type: reflect.TypeFor[int](), Tag: reflect.StructTag(`json:"` + name + `"`)}})
}

func TestKeysOfEveryLength(t *testing.T) {
	t.Parallel()
	for length := 1; length < 70; length++ {
		name := strings.Repeat("abcdefg", 10)[:length]
		v := reflect.New(structWith(name)).Elem()
		require.NoError(t, codec.DecodeValue(`{"`+name+`":7}`, v))
		require.EqualValues(t, 7, v.Field(0).Int(), name)
		text, err := codec.EncodeValue(v)
		require.NoError(t, err)
		require.Equal(t, `{"`+name+`":7}`, string(text))
		for at := range length {
			other := name[:at] + "0" + name[at+1:]
			require.NoError(t, codec.DecodeValue(`{"`+other+`":8,"`+name+`0":8,"`+name[1:]+`":8}`, v))
			require.EqualValues(t, 7, v.Field(0).Int(), "%s is another member", other)
		}
		require.Error(t, codec.DecodeValue(`{"`+name, v))
		require.Error(t, codec.DecodeValue(`{"`+name+`"`, v))
	}
}

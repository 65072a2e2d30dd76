package codec_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/taskhawk/taskhawk-go/codec"
)

func TestGeneratedValuesEncodeAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		g := newGenerator(seed)
		v := reflect.New(g.typ(3)).Elem()
		g.fill(v, 6)
		checkEncode(t, v)
	}
}

func TestGeneratedValuesDecodeAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		g := newGenerator(seed)
		v := reflect.New(g.typ(3)).Elem()
		g.fill(v, 6)
		encoded, err := codec.EncodeValue(v)
		if text := string(encoded); err == nil {
			checkDecode(t, v.Type(), text)
			checkDecode(t, g.typ(2), text)
			checkDecode(t, v.Type(), g.mutate(text))
		}
	}
}

// mutate changes a JSON text a little.
func (g generator) mutate(text string) string {
	inserts := []string{"null", "{}", "[]", `"x"`, "1", ",", " ", "\"", "\\u00e9", "-", "e9", ".5", "}", "[", `"a":`, "999", "A"}
	for range 1 + g.IntN(3) {
		i := g.IntN(len(text) + 1)
		j := min(len(text), i+g.IntN(4))
		text = text[:i] + inserts[g.IntN(len(inserts))] + text[j:]
	}
	return text
}

func FuzzEncodeDifferential(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := newGenerator(seed)
		var r rich
		g.fill(reflect.ValueOf(&r).Elem(), 7)
		checkEncode(t, reflect.ValueOf(&r).Elem())
		v := reflect.New(g.typ(4)).Elem()
		g.fill(v, 6)
		checkEncode(t, v)
	})
}

func FuzzDecodeDifferential(f *testing.F) {
	for _, s := range richTexts {
		f.Add(s, uint64(0))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		checkDecode(t, reflect.TypeFor[rich](), text)
		checkDecode(t, newGenerator(seed).typ(3), text)
	})
}

// richTexts are JSON texts for rich, each for another rule of encoding/json.
var richTexts = []string{
	`{}`, `null`, ` {"id" : 7 , "BASE":{}, "Depth":3,"Seen":"x","Both":1}`,
	`{"SHADOW":"a","shadow":"b","Shadow":"c"}`, `{"case":1,"CASE":2,"Case":3}`,
	`{"Bool":true,"Int":-5,"int8":127,"INT16":-32768,"Int64":"9007199254740993","Uint64":18446744073709551615}`,
	`{"Int":1.0}`, `{"Int":1e3}`, `{"int8":128}`, `{"Uint":-1}`, `{"F32":1e39}`, `{"F64":1e400}`, `{"F64":-0.0,"F32":16777217}`,
	`{"Int":99999999999999999999999999999}`, `{"Int64":"007"}`, `{"Int64":12}`, `{"Int64":null}`, `{"Int64":"null"}`, `{"Int64":" 1"}`,
	`{"q_str":"\"a\\n\""}`, `{"q_str":"a"}`, `{"QBool":"true"}`, `{"QBool":"maybe"}`, `{"QBool":null}`, `{"QFloat":"-Inf"}`, `{"QFloat":"0x1p-2"}`, `{"QFloat":""}`,
	`{"Bytes":"aGk=","NBytes":[1,2,255]}`, `{"Bytes":"a"}`, `{"Bytes":[256]}`, `{"Bytes":null}`, `{"Bytes":"YQ\n=="}`,
	`{"Strs":["a",null,"\u00e9\ud83d\ude00\ud800"],"Ints":[1,2,3],"Ints":[4]}`, `{"Arr":[1],"ByteArr":[1,2,3,4,5,6]}`, `{"Arr":"x"}`,
	`{"Structs":[{"name":"a","PRICE":1.5,"Tags":[]},{"ref":{"name":"b"}}],"Structs":[{"Tags":null}]}`,
	`{"Ptrs":[null,{"name":"x"}],"PP":3,"PStr":"s","PStr":null}`,
	`{"Map":{"b":"1","a":null},"Map":{"c":"3"},"IntMap":{"-1":{"name":"n"},"+5":{}},"UintMap":{"7":"x"}}`, `{"IntMap":{"300":{}}}`, `{"IntMap":{"x":{}}}`,
	`{"PtMap":{"1/2":1,"-3/4":2}}`, `{"PtMap":{"ab":1}}`,
	`{"Any":{"a":[1,"x",null,true,{"b":1e5}]},"AnyMap":{"k":[]}}`, `{"Any":1e400}`, `{"Any":123456789012345678901234567890}`,
	`{"Time":"2024-02-29T12:00:00.5+02:00","PTime":"2024-01-01T00:00:00Z","OTime":null}`, `{"Time":"yesterday"}`, `{"Time":1}`, `{"Time":"2024-01-01T00:00:00\u005a"}`,
	`{"Num":12.50,"Raw": [1, 2] }`, `{"Num":"12"}`, `{"Num":"x"}`, `{"Raw":null}`,
	`{"Up":"ABC","PUp":"DEF"}`, `{"Up":"toolongtext"}`, `{"Up":1}`, `{"Up":null,"PUp":null}`,
	`{"Shout":{"a" : 1},"PShout":null,"Shouts":{"x":"y"}}`, `{"Shout":null}`, `{"Shout":"refuse"}`, `{"Lvl":3,"Lvls":[1,2]}`, `{"Lvl":"***"}`,
	`{"Tree":{"Value":1,"Kids":[{"Value":2}],"ByKey":{"k":{"Next":{"Value":3}}}}}`,
	`{"Nested":{"A":1,"a":2,"B":{"C":[true,false]}},"private":1,"Skip":"s","-":"d","odd name%":"o"}`,
	`{"\u0042ool":true,"unknown":[{"deep":"\ud83d"}],"":0}`, "{\"Str\":\"\xff\"}", "{\"Str\":\"a\nb\"}", `{"Str":"x"} x`, `{"Str":"x",}`, `[1]`, `"s"`, `12`, `tru`,
	strings.Repeat(`{"Tree":`, 3), `{"Strs":[[[[]]]]}`,
}

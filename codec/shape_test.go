package codec_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
)

// byPointer has methods with pointer receivers only, which a value in a map lacks.
type byPointer struct{ text string }

func (b *byPointer) MarshalText() ([]byte, error) { return []byte(b.text), nil }

func (b *byPointer) UnmarshalText(text []byte) error { b.text = string(text); return nil }

// spoken is a string with methods, which the option ",string" does not go with.
type spoken string

func (s spoken) MarshalText() ([]byte, error) { return []byte(s), nil }

func (s *spoken) UnmarshalText(text []byte) error { *s = spoken(text); return nil }

type hiddenPart struct{ Deep int }

type shaped struct {
	Bool    bool
	Int     int
	Small   int16
	Byte    uint8
	Float   float32
	Number  json.Number
	Text    string
	Own     byPointer
	Time    *time.Time
	Bytes   []byte
	List    [][]string
	Array   [3]bool
	Map     map[int]bool
	Strings map[string]string
	Raw     json.RawMessage
	Any     any
	Nested  struct {
		A      int     `json:"a,string"`
		Levels *spoken `json:",string"`
	}
	Rest map[string]int `taskhawk:",rest"`
}

// form writes a shape in a line, such as []*string.
func form(s *codec.Shape) string {
	switch s.Form {
	case codec.FormPointer:
		return "*" + form(s.Elem)
	case codec.FormSlice:
		return "[]" + form(s.Elem)
	case codec.FormArray:
		return "[n]" + form(s.Elem)
	case codec.FormMap:
		return "map " + form(s.Elem)
	case codec.FormStruct:
		text := "{"
		for _, m := range s.Members {
			text += m.Name + " " + form(m.Shape)
			if m.Quoted {
				text += " quoted"
			}
			text += ";"
		}
		return text + "}"
	}
	return []string{"any", "bool", "integer", "number", "string", "text", "time", "bytes"}[s.Form]
}

func TestShapeIsThatOfThePlan(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"bool": "bool", "int": "integer", "small": "integer", "byte": "integer", "float": "number", "number": "number", "text": "string",
		"own": "text", "time": "*time", "bytes": "bytes", "list": "[][]string", "array": "[n]bool", "map": "map bool", "strings": "map string",
		"raw": "any", "any": "any", "nested": "{a integer quoted;Levels any;}", "rest": "map integer",
	}
	got := map[string]string{}
	for _, p := range of[shaped](t).Signature() {
		got[p.Name] = form(codec.ShapeOf(p))
	}
	require.Equal(t, want, got)

	// Values that New refuses in an argument may be behind another type's methods.
	odd := codec.Param{Type: reflect.TypeFor[struct {
		Map map[int]byPointer
		*hiddenPart
	}]()}
	require.Equal(t, "{Map map any;Deep any;}", form(codec.ShapeOf(odd)))
}

func TestShapeOfNumbersHasTheirSize(t *testing.T) {
	t.Parallel()
	for value, want := range map[any]codec.Shape{
		int(0): {Bits: 64}, uint(0): {Bits: 64, Unsigned: true}, uintptr(0): {Bits: 64, Unsigned: true},
		int8(0): {Bits: 8}, uint32(0): {Bits: 32, Unsigned: true}, float32(0): {Bits: 32},
	} {
		shape := codec.ShapeOf(codec.Param{Type: reflect.TypeOf(value)})
		require.Equal(t, want.Bits, shape.Bits, shape.Type)
		require.Equal(t, want.Unsigned, shape.Unsigned, shape.Type)
	}
}

func TestShapeOfARecursiveTypeIsRecursive(t *testing.T) {
	t.Parallel()
	type node struct{ Next *node }
	shape := codec.ShapeOf(codec.Param{Type: reflect.TypeFor[node]()})
	next := shape.Members[0].Shape
	require.Same(t, next, next.Elem.Members[0].Shape)
}

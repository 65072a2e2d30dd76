package codec_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
)

// refusal returns the reason and field of the TypeError of T.
func refusal[T any](t *testing.T) string {
	t.Helper()
	c, err := codec.Of[T]()
	require.Nil(t, c)
	var bad *codec.TypeError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, reflect.TypeFor[T](), bad.Type)
	return bad.Field + ": " + bad.Reason
}

func TestOfRefusesWhatIsNoStruct(t *testing.T) {
	t.Parallel()
	require.Equal(t, ": is not a struct", refusal[int](t))
	require.Equal(t, ": is not a struct", refusal[*sendEmail](t))
	require.Equal(t, ": is not a struct", refusal[map[string]any](t))
	require.Equal(t, ": is not a struct", refusal[any](t))
}

func TestOfRefusesTags(t *testing.T) {
	t.Parallel()
	require.Equal(t, "A: taskhawk tag: unknown option; there are kw, optional and rest", refusal[struct {
		A int `taskhawk:"a,keyword"`
	}](t))
	require.Equal(t, "A: taskhawk tag: option kw given twice", refusal[struct {
		A int `taskhawk:"a,kw,kw"`
	}](t))
	require.Equal(t, "A: taskhawk tag: invalid parameter name", refusal[struct {
		A int `taskhawk:"a\"b"`
	}](t))
	require.Equal(t, `A: taskhawk:"-" takes no options`, refusal[struct {
		A int `taskhawk:"-,kw"`
	}](t))
	require.Equal(t, `A: the json option ",string" is not for parameters`, refusal[struct {
		A int `json:"a,string"`
	}](t))
}

func TestOfRefusesRest(t *testing.T) {
	t.Parallel()
	require.Equal(t, "A: rest must be a map with string keys", refusal[struct {
		A []string `taskhawk:",rest"`
	}](t))
	require.Equal(t, "A: rest must be a map with string keys", refusal[struct {
		A map[int]string `taskhawk:",rest"`
	}](t))
	require.Equal(t, "A: rest must be the last parameter, and there can be only one", refusal[struct {
		A map[string]string `taskhawk:",rest"`
		B int
	}](t))
	require.Equal(t, "A: rest must be the last parameter, and there can be only one", refusal[struct {
		A map[string]string `taskhawk:",rest"`
		B map[string]string `taskhawk:",rest"`
	}](t))
	require.Equal(t, "A: taskhawk tag: rest takes no other option", refusal[struct {
		A map[string]string `taskhawk:",rest,optional"`
	}](t))
	require.Equal(t, "A: unsupported type chan int", refusal[struct {
		A map[string]chan int `taskhawk:",rest"`
	}](t))
}

func TestOfRefusesNamesTakenTwice(t *testing.T) {
	t.Parallel()
	require.Equal(t, "B: parameter name a is taken by A", refusal[struct {
		A int
		B int `taskhawk:"a"`
	}](t))
	type left struct{ ID int }
	type right struct{ ID int }
	require.Equal(t, "right.ID: parameter name id is taken by left.ID", refusal[struct {
		left
		right
	}](t))
}

func TestOfRefusesTypesWithoutJSON(t *testing.T) {
	t.Parallel()
	require.Equal(t, "A: unsupported type chan int", refusal[struct{ A chan int }](t))
	require.Equal(t, "A: unsupported type func()", refusal[struct{ A *func() }](t))
	require.Equal(t, "A: unsupported type complex128", refusal[struct{ A [2]complex128 }](t))
	require.Equal(t, "A: unsupported map key type float64", refusal[struct{ A map[float64]int }](t))
	type inner struct{ Items []struct{ Done chan bool } }
	require.Equal(t, "Order.Items.Done: unsupported type chan bool", refusal[struct{ Order inner }](t))
}

type unexported struct{ A int }

func TestOfRefusesEmbeddedThatIsNotClear(t *testing.T) {
	t.Parallel()
	require.Equal(t, "unexported: embedded pointer to an unexported struct cannot be set", refusal[struct{ *unexported }](t))
	require.Equal(t, "Time: embedded struct has its own JSON form; name it in a tag to make it a parameter", refusal[struct{ time.Time }](t))
	require.Equal(t, "Base: options on an embedded struct need a name", refusal[struct {
		Base `taskhawk:",kw"`
	}](t))
}

func TestOfRefusesTooManyParameters(t *testing.T) {
	t.Parallel()
	require.NoError(t, codec.CheckType(reflect.StructOf(manyFields(256))))
	require.ErrorContains(t, codec.CheckType(reflect.StructOf(manyFields(257))), "has more than 256 parameters")
}

func manyFields(n int) []reflect.StructField {
	var fields []reflect.StructField
	for i := range n {
		name := "F" + string(rune('A'+i/26)) + string(rune('A'+i%26))
		fields = append(fields, reflect.StructField{Name: name, Type: reflect.TypeFor[int]()})
	}
	return fields
}

func TestTypeErrorText(t *testing.T) {
	t.Parallel()
	_, err := codec.Of[unsupported]()
	require.EqualError(t, err, "codec: codec_test.unsupported.Done: unsupported type chan bool")
	require.EqualError(t, &codec.TypeError{Reason: "r"}, "codec: nil: r")
}

type unsupported struct {
	Raw  json.RawMessage
	Done chan bool
}

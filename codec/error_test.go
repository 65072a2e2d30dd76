package codec_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
)

type order struct {
	Items  []item            `json:"items"`
	Labels map[string]item   `json:"labels"`
	Small  int8              `json:"small"`
	Plain  map[string]string `json:"plain"`
	Fixed  [2]*item          `json:"fixed"`
	Extra  any               `json:"extra"`
}

type item struct {
	Price float64   `json:"price"`
	Name  string    `json:"name"`
	At    time.Time `json:"at"`
	Up    upper     `json:"up"`
	Raw   json.RawMessage
	Any   any
}

type orderArgs struct {
	ID    int
	Order order `taskhawk:",kw,optional"`
}

func TestDecodeErrorsHaveAPath(t *testing.T) {
	t.Parallel()
	for kwargs, want := range map[string]string{
		`{"order":{"items":[{},{},{},{"price":"9"}]}}`: `kwargs.order.items[3].price: wrong type: got string, want float64`,
		`{"order":{"labels":{"secret":{"name":1}}}}`:   `kwargs.order.labels[*].name: wrong type: got number, want string`,
		`{"order":{"plain":{"secret":1}}}`:             `kwargs.order.plain[*]: wrong type: got number, want string`,
		`{"order":{"small":128}}`:                      `kwargs.order.small: wrong type: number does not fit int8`,
		`{"order":{"small":1.5}}`:                      `kwargs.order.small: wrong type: got number with a fraction or exponent, want int8`,
		`{"order":{"items":[{"price":1e999}]}}`:        `kwargs.order.items[0].price: wrong type: number does not fit float64`,
		`{"order":{"items":{}}}`:                       `kwargs.order.items: wrong type: got object, want []codec_test.item`,
		`{"order":{"fixed":[null,true]}}`:              `kwargs.order.fixed[1]: wrong type: got bool, want codec_test.item`,
		`{"order":[]}`:                                 `kwargs.order: wrong type: got array, want codec_test.order`,
		`{"order":{"items":[{"at":"secret"}]}}`:        `kwargs.order.items[0].at: wrong type: got string that is not RFC 3339, want time.Time`,
		`{"order":{"items":[{"up":"secretsecret"}]}}`:  `kwargs.order.items[0].up: wrong type: got string that codec_test.upper refuses`,
		`{"order":{"extra":[{"secret":1e999}]}}`:       `kwargs.order.extra[0][*]: wrong type: number does not fit float64`,
		`{"order":{"items":[{"price":}]}}`:             `kwargs.order.items[0].price: syntax: unexpected '}', want a value at offset 28`,
	} {
		_, err := decode[orderArgs](t, `[1]`, kwargs)
		require.EqualError(t, err, "codec: parameter order: "+want)
		var fault *codec.Error
		require.ErrorAs(t, err, &fault)
		require.Equal(t, "order", fault.Param)
		require.True(t, strings.HasPrefix(want, fault.Path+": "))
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestDecodeErrorsWrapTheCauseWithoutShowingIt(t *testing.T) {
	t.Parallel()
	_, err := decode[orderArgs](t, `[1]`, `{"order":{"items":[{"up":"secretsecret"}]}}`)
	require.ErrorIs(t, err, errRefused)
	require.ErrorIs(t, err, codec.ErrWrongType)
	_, err = decode[orderArgs](t, `[1]`, `{"order":{"items":[{"at":"secret"}]}}`)
	var cause *time.ParseError
	require.ErrorAs(t, err, &cause)
	require.NotContains(t, err.Error(), "secret")
}

// failing refuses to be written, quoting a secret, or writes what is not JSON.
type failing string

func (f failing) MarshalJSON() ([]byte, error) {
	if f == "fail" {
		return nil, errors.New("secret")
	}
	return []byte(f), nil
}

type failingText string

func (f failingText) MarshalText() ([]byte, error) {
	if f == "fail" {
		return nil, errors.New("secret")
	}
	return []byte(f), nil
}

type failingKey int

func (failingKey) MarshalText() ([]byte, error) { return nil, errors.New("secret") }

func TestAppendErrors(t *testing.T) {
	t.Parallel()
	var loop any
	loop = []any{&loop}
	inMap := map[string]any{}
	inMap["m"] = inMap
	ring := &tree{Value: 1}
	ring.Next = &tree{Next: &tree{Next: ring}}
	for _, c := range []struct {
		value any
		kind  error
		text  string
	}{
		{math.NaN(), codec.ErrUnsupportedValue, `args[0]: unsupported value: NaN or an infinity`},
		{float32(math.Inf(-1)), codec.ErrUnsupportedValue, `args[0]: unsupported value: NaN or an infinity`},
		{[]any{1, map[string]any{"secret": "\xff"}}, codec.ErrInvalidUTF8, `args[0][1][*]: invalid UTF-8: a string holds bytes that JSON cannot carry`},
		{map[string]string{"secret\xff": ""}, codec.ErrInvalidUTF8, `args[0][*]: invalid UTF-8: a string holds bytes that JSON cannot carry`},
		{map[string]string{"secret": "\xff"}, codec.ErrInvalidUTF8, `args[0][*]: invalid UTF-8: a string holds bytes that JSON cannot carry`},
		{failing("fail"), codec.ErrUnsupportedValue, `args[0]: unsupported value: MarshalJSON of codec_test.failing failed`},
		{failing("{"), codec.ErrUnsupportedValue, `args[0]: unsupported value: MarshalJSON of codec_test.failing returned invalid JSON`},
		{failing("\"\xff\""), codec.ErrInvalidUTF8, `args[0]: invalid UTF-8: MarshalJSON of codec_test.failing returned bytes that JSON cannot carry`},
		{failingText("fail"), codec.ErrUnsupportedValue, `args[0]: unsupported value: MarshalText of codec_test.failingText failed`},
		{failingText("\xff"), codec.ErrInvalidUTF8, `args[0]: invalid UTF-8: a string holds bytes that JSON cannot carry`},
		{map[failingKey]int{1: 1}, codec.ErrUnsupportedValue, `args[0][*]: unsupported value: MarshalText of map key codec_test.failingKey failed`},
		{json.Number("secret"), codec.ErrUnsupportedValue, `args[0]: unsupported value: json.Number that is no number`},
		{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), codec.ErrUnsupportedValue, `args[0]: unsupported value: time.Time that RFC 3339 cannot express`},
		{make(chan int), codec.ErrUnsupportedValue, `args[0]: unsupported value: unsupported type chan int`},
		{loop, codec.ErrUnsupportedValue, `unsupported value: a pointer cycle`},
		{inMap, codec.ErrUnsupportedValue, `unsupported value: a pointer cycle`},
		{ring, codec.ErrUnsupportedValue, `unsupported value: a pointer cycle`},
		{order{Items: []item{{}, {Name: "\xff"}}}, codec.ErrInvalidUTF8, `args[0].items[1].name: invalid UTF-8: a string holds bytes that JSON cannot carry`},
		{order{Fixed: [2]*item{1: {Price: math.NaN()}}}, codec.ErrUnsupportedValue, `args[0].fixed[1].price: unsupported value: NaN or an infinity`},
		{order{Labels: map[string]item{"secret": {Raw: json.RawMessage("}")}}}, codec.ErrUnsupportedValue, `args[0].labels[*].Raw: unsupported value: MarshalJSON of json.RawMessage returned invalid JSON`},
	} {
		dst, err := of[struct{ Value any }](t).Append([]byte("before"), &struct{ Value any }{c.value})
		require.ErrorIs(t, err, c.kind)
		require.ErrorContains(t, err, c.text)
		require.ErrorContains(t, err, "codec: parameter value: args[0]")
		require.NotContains(t, err.Error(), "secret")
		require.LessOrEqual(t, len(err.Error()), 400)
		require.Equal(t, "before", string(dst))
	}
}

func TestAppendErrorInKwargs(t *testing.T) {
	t.Parallel()
	bad := "\xff"
	_, err := of[sendEmail](t).Append(nil, &sendEmail{FromEmail: &bad})
	require.EqualError(t, err, "codec: parameter from_email: kwargs.from_email: invalid UTF-8: a string holds bytes that JSON cannot carry")
}

func TestCyclesAreNotSeenWhereThereAreNone(t *testing.T) {
	t.Parallel()
	shared := &tree{Value: 7}
	deep := shared
	for range 3000 {
		deep = &tree{Next: deep, Kids: []tree{{Next: shared}, {Next: shared}}}
	}
	text, err := of[struct{ T *tree }](t).Append(nil, &struct{ T *tree }{deep})
	require.NoError(t, err)
	want, err := json.Marshal(deep)
	require.NoError(t, err)
	require.Equal(t, `"args":[`+string(want)+`],"kwargs":{}`, string(text))
}

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
	require.Equal(t, "A: taskhawk tag: unknown option; there are kw, optional, rest and alias=name", refusal[struct {
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

// stamped has its own JSON form, which it cannot read.
type stamped struct{ At time.Time }

func (s stamped) MarshalJSON() ([]byte, error) { return []byte(`"now"`), nil }

// wrapped has one as well, and reads it.
type wrapped struct{ N int }

func (w wrapped) MarshalJSON() ([]byte, error) { return []byte(`{"N":1}`), nil }

type marked struct{ N int }

func (m marked) MarshalText() ([]byte, error) { return []byte("m"), nil }

type failures []error

type unseen struct{ N int }

type linked struct {
	Next *linked
	Err  error
}

// What would silently not be sent, or never be read, is refused.
func TestOfRefusesWhatIsLost(t *testing.T) {
	t.Parallel()
	for _, got := range []string{
		refusal[time.Time](t), refusal[big.Int](t), refusal[stamped](t), refusal[marked](t),
	} {
		require.Equal(t, ": has its own JSON form, which has no parameters: make it a field of a struct", got)
	}
	require.Contains(t, refusal[struct{ to, subject string }](t), "has no exported field")
	require.Contains(t, refusal[sync.Mutex](t), "has no exported field")
	require.Equal(t, "b: taskhawk tag on an unexported field, which is not sent: export it", refusal[struct {
		A int
		b int `taskhawk:"b"`
	}](t))
	require.Equal(t, `A: taskhawk:"optional" would name the parameter so: write taskhawk:",optional"`, refusal[struct {
		A int `taskhawk:"optional"`
	}](t))
	require.Contains(t, refusal[struct {
		A int `json:"a,omitempty"`
	}](t), `use taskhawk:",optional"`)
	require.Equal(t, "A: interface error cannot be read back: use a type that is no interface, or any", refusal[struct{ A error }](t))
	require.Contains(t, refusal[struct{ A fmt.Stringer }](t), "cannot be read back")
	require.Contains(t, refusal[struct{ A []map[string]*io.Writer }](t), "interface io.Writer cannot be read back")
	require.Contains(t, refusal[struct{ A stamped }](t), "writes what it cannot read without UnmarshalJSON")
	require.Contains(t, refusal[struct{ A []*stamped }](t), "writes what it cannot read without UnmarshalJSON")
	require.Contains(t, refusal[struct{ A marked }](t), "writes what it cannot read without UnmarshalText")
	require.Contains(t, refusal[struct {
		A map[string]error `taskhawk:",rest"`
	}](t), "interface error cannot be read back")
	require.Contains(t, refusal[struct{ A sync.Mutex }](t), "sync.Mutex has no exported field")
	require.Contains(t, refusal[struct {
		A []*struct{ to, subject string }
	}](t), "has no exported field")

	const inMap = "A: big.Int is written without its methods in a map, since they are those of its pointer: use *big.Int"
	require.Equal(t, inMap, refusal[struct{ A map[string]big.Int }](t))
	require.Equal(t, inMap, refusal[struct{ A map[string][2]big.Int }](t))
	require.Equal(t, inMap, refusal[struct {
		A map[string]big.Int `taskhawk:",rest"`
	}](t))
	require.Contains(t, refusal[struct{ A map[int]byPointer }](t), "use *codec_test.byPointer")
	of[struct {
		A map[string]*big.Int
		B map[string][]big.Int
		C []big.Int
		D map[string]time.Time
		E *[2]byPointer
	}](t)

	of[struct{}](t)
	of[struct{ A struct{} }](t)
	for want, got := range map[string]string{
		"A.Inner: interface error cannot be read back: use a type that is no interface, or any": refusal[struct{ A struct{ Inner error } }](t),
		"A.B.C: interface io.Writer cannot be read back: use a type that is no interface, or any": refusal[struct {
			A []struct {
				B map[string]*struct{ C io.Writer }
			}
		}](t),
		"A: interface error cannot be read back: use a type that is no interface, or any":                refusal[struct{ A failures }](t),
		"A.At: codec_test.stamped has MarshalJSON, and writes what it cannot read without UnmarshalJSON": refusal[struct{ A *struct{ At stamped } }](t),
		"A.M: codec_test.marked has MarshalText, and writes what it cannot read without UnmarshalText":   refusal[struct{ A struct{ M [2]marked } }](t),
		"A.Mu: sync.Mutex has no exported field, so nothing of it is sent: export its fields":            refusal[struct{ A struct{ Mu sync.Mutex } }](t),
		"A.User: url.Userinfo has no exported field, so nothing of it is sent: export its fields":        refusal[struct{ A url.URL }](t),
		"A: map key codec_test.marked has MarshalText, and cannot be read without UnmarshalText":         refusal[struct{ A map[marked]int }](t),
		"A.unseen.N: is behind an embedded pointer to an unexported struct, which cannot be set":         refusal[struct{ A struct{ *unseen } }](t),
		"A.Next.Err: interface error cannot be read back: use a type that is no interface, or any":       refusal[struct{ A struct{ Next *linked } }](t),
		"R.Next.Err: interface error cannot be read back: use a type that is no interface, or any": refusal[struct {
			R map[string]linked `taskhawk:",rest"`
		}](t),
	} {
		require.Equal(t, want, got)
	}
	of[struct{ A struct{ wrapped } }](t)
	of[struct {
		A any
		B time.Time
		C *big.Int
		D wrapped
		E json.RawMessage
		F struct {
			Inner error `json:"-"`
		}
		G tree
		h int
	}](t)
	of[struct {
		A int `json:"a,omitempty" taskhawk:",optional"`
	}](t)
}

func TestAliases(t *testing.T) {
	t.Parallel()
	type args struct {
		To   string `taskhawk:"to,alias=recipient,alias=address"`
		Copy string `taskhawk:",kw,optional,alias=cc"`
	}
	for kwargs, want := range map[string]args{
		`{"to":"a"}`:                 {To: "a"},
		`{"recipient":"a"}`:          {To: "a"},
		`{"cc":"b","address":"a"}`:   {To: "a", Copy: "b"},
		`{"address":"a","copy":"b"}`: {To: "a", Copy: "b"},
	} {
		got, err := decode[args](t, `[]`, kwargs)
		require.NoError(t, err, kwargs)
		require.Equal(t, want, got)
	}
	for _, call := range [][2]string{{`[]`, `{"to":"a","recipient":"b"}`}, {`["a"]`, `{"address":"b"}`}, {`[]`, `{"address":"a","recipient":"b"}`}} {
		_, err := decode[args](t, call[0], call[1])
		require.ErrorIs(t, err, codec.ErrGivenTwice, call)
	}
	require.Equal(t, `"args":["a"],"kwargs":{"copy":"b"}`, encode(t, args{"a", "b"}), "the new names are written")
	signature := of[args](t).Signature()
	require.Equal(t, []string{"recipient", "address"}, signature[0].Aliases)
	signature[0].Aliases[0] = "changed"
	require.Equal(t, "recipient", of[args](t).Signature()[0].Aliases[0])
	require.Equal(t, "B: taskhawk tag: alias a is taken by A", refusal[struct {
		A int
		B int `taskhawk:",alias=a"`
	}](t))
	require.Equal(t, "B: taskhawk tag: alias old is taken by A", refusal[struct {
		A int `taskhawk:",alias=old"`
		B int `taskhawk:",alias=old"`
	}](t))
	require.Equal(t, "A: taskhawk tag: rest takes no other option", refusal[struct {
		A map[string]any `taskhawk:",rest,alias=old"`
	}](t))
	require.Equal(t, "A: taskhawk tag: invalid alias", refusal[struct {
		A int `taskhawk:",alias="`
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

package contract_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/contract"
)

// Order is a nested struct that rules are for, and refers to itself.
type Order struct {
	SKU      string   `json:"sku"               validate:"required"`
	Count    int      `json:"count"             validate:"min=1,max=99"`
	Gift     *Order   `json:"gift"`
	Labels   []string `json:"labels"            validate:"max=3,dive,oneof=new 'used a bit'"`
	Weight   float32  `json:"weight,omitempty"`
	Quoted   int      `json:"quoted,string"`
	Internal string   `json:"-"`
}

type shared struct {
	Tenant string `validate:"uuid4"`
	Trace  string `taskhawk:"trace,kw,optional,alias=trace_id,alias=span"`
}

// color declares what its MarshalText writes.
type color struct{ rgb string } //nolint:recvcheck // as encoding has its interfaces

func (c color) MarshalText() ([]byte, error)     { return []byte(c.rgb), nil }
func (c *color) UnmarshalText(text []byte) error { c.rgb = string(text); return nil }
func (*color) JSONSchemaBytes() ([]byte, error) {
	return []byte(`{ "pattern": "^#[0-9a-f]{6}$" }`), nil
}

type everything struct {
	shared

	To     string `validate:"required,email"`
	Page   string `validate:"url"`
	Bool   bool   `validate:"required"`
	Small  int8
	Port   uint16  `validate:"gte=1,lt=1024"`
	Level  int     `validate:"oneof=1 2 3"`
	Price  float64 `validate:"gt=0,lte=99.5"`
	Exact  json.Number
	Pause  time.Duration `validate:"min=1s"`
	At     time.Time
	Body   []byte
	Orders []Order `validate:"required,len=2,dive"`
	Plain  []Order
	ByName map[string]*Order `validate:"min=1,dive,keys,alphanum,endkeys,required"`
	Pair   [2]int
	Raw    json.RawMessage
	Any    any `validate:"required"`
	ID     uuid.UUID
	Color  color
	Colors map[string]color
	Maybe  *string            `taskhawk:",optional"  validate:"omitempty,min=3,alphanum"`
	Nick   string             `taskhawk:",kw"        validate:"omitempty,len=4"`
	Inline struct{ A, B int } `taskhawk:",kw"`
	Extra  map[string]int     `taskhawk:",rest"      validate:"dive,max=9"`
}

func nothing[Args any](context.Context, Args) error { return nil }

func newHub(t testing.TB, config taskhawk.Config) *taskhawk.Hub {
	t.Helper()
	hub, err := taskhawk.NewHub(config)
	require.NoError(t, err)
	return hub
}

func describe(t testing.TB, tasks ...taskhawk.AnyTask) *contract.Contract {
	t.Helper()
	c, err := contract.Of(newHub(t, taskhawk.Config{Tasks: tasks}))
	require.NoError(t, err)
	return c
}

func text(t testing.TB, c *contract.Contract) string {
	t.Helper()
	var b strings.Builder
	n, err := c.WriteTo(&b)
	require.NoError(t, err)
	require.Equal(t, int64(b.Len()), n)
	return b.String()
}

func TestOfDescribesEveryKindOfArgument(t *testing.T) {
	t.Parallel()
	c := describe(t,
		taskhawk.New("tasks.everything", nothing[everything], taskhawk.WithPriority(taskhawk.Bulk)),
		taskhawk.New[struct{}]("tasks.none", nil, taskhawk.WithKeywordArgs()),
	)
	golden, err := os.ReadFile("testdata/everything.json")
	require.NoError(t, err)
	require.Equal(t, string(golden), text(t, c))
}

func TestOfIsDeterministic(t *testing.T) {
	t.Parallel()
	everyTask := taskhawk.New("a", nothing[everything])
	other := taskhawk.New("b", nothing[struct{ O Order }])
	want := text(t, describe(t, everyTask, other))
	for range 20 {
		require.Equal(t, want, text(t, describe(t, other, everyTask)))
	}
}

func TestOfKeywordHub(t *testing.T) {
	t.Parallel()
	named := taskhawk.New("a.named", nothing[struct{ A int }])
	positional := taskhawk.New("b.positional", nothing[struct{ A int }], taskhawk.WithPositionalArgs())
	c, err := contract.Of(newHub(t, taskhawk.Config{KeywordArgs: true, Tasks: []taskhawk.AnyTask{named, positional}}))
	require.NoError(t, err)
	require.Equal(t, contract.Keywords, c.Tasks[0].Sends)
	require.Equal(t, contract.Positional, c.Tasks[1].Sends)
}

// strict is a validator whose tags mean what it wants.
type strict struct{}

func (strict) Struct(any) error { return nil }

func TestOfLeavesOutTagsOfOwnValidator(t *testing.T) {
	t.Parallel()
	task := taskhawk.New("a", nothing[struct {
		A string `validate:"required"`
	}], taskhawk.WithValidator(strict{}))
	require.Nil(t, describe(t, task).Tasks[0].Params[0].Schema.MinLength)
}

// failing declares nothing, by an error or a panic.
type failing struct{ json.RawMessage }

func (failing) JSONSchemaBytes() ([]byte, error) { return nil, errors.New("no schema today") }

type panicking struct{ json.RawMessage }

func (panicking) JSONSchemaBytes() ([]byte, error) { panic("no schema") }

type listing struct{ json.RawMessage }

func (listing) JSONSchemaBytes() ([]byte, error) { return []byte("[1]"), nil }

func TestOfReportsDeclarersThatFail(t *testing.T) {
	t.Parallel()
	for want, task := range map[string]taskhawk.AnyTask{
		"JSONSchemaBytes of contract_test.failing: no schema today":     taskhawk.New("a", nothing[struct{ A failing }]),
		"JSONSchemaBytes of contract_test.panicking: panic":             taskhawk.New("a", nothing[struct{ A panicking }]),
		"JSONSchemaBytes of contract_test.listing: schema is no object": taskhawk.New("a", nothing[struct{ A listing }]),
	} {
		_, err := contract.Of(newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}}))
		require.ErrorContains(t, err, want)
	}
	_, err := contract.Of(nil)
	require.EqualError(t, err, "contract: nil hub")
}

func TestReadReturnsWhatWasWritten(t *testing.T) {
	t.Parallel()
	c := describe(t, taskhawk.New("tasks.everything", nothing[everything]), taskhawk.New("tasks.none", nothing[struct{}]))
	read, err := contract.Read(strings.NewReader(text(t, c)))
	require.NoError(t, err)
	require.Equal(t, c, read)
	empty, err := contract.Read(strings.NewReader(text(t, describe(t))))
	require.NoError(t, err)
	require.Empty(t, empty.Tasks)
	task, ok := read.Task("tasks.none")
	require.True(t, ok)
	require.Equal(t, "default", task.Priority)
	_, ok = read.Task("tasks.other")
	require.False(t, ok)
}

func TestReadNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	const task = `{"name":"a","priority":"low","sends":"positional","params":[`
	for input, want := range map[string]string{
		"":                              "broken contract, line 1: unexpected end of JSON input",
		"{\n<<<<<<< HEAD":               "broken contract, line 2: invalid character '<'",
		"[]":                            "broken contract, line 1",
		"{}":                            `no contract: "taskhawk_contract" is missing`,
		`{"taskhawk_contract":2}`:       "format version 2, newer than 1: update taskhawk",
		`{"taskhawk_contract":0}`:       "invalid format version 0",
		`{"taskhawk_contract":1.5}`:     "invalid format version 1.5",
		`{"taskhawk_contract":1,"x":1}`: `unknown field "x"`,
		`{"taskhawk_contract":1,"tasks":[` + task + `]},` + task + `]}]}`:                                                   "task a given twice",
		`{"taskhawk_contract":1,"tasks":[` + strings.Replace(task, `"a"`, `"b"`, 1) + `]},` + task + `]}]}`:                 "task a out of order",
		`{"taskhawk_contract":1,"tasks":[` + strings.Replace(task, "low", "no", 1) + `]}]}`:                                 `task a: priority "no"`,
		`{"taskhawk_contract":1,"tasks":[` + strings.Replace(task, "positional", "x", 1) + `]}]}`:                           `unknown way to send arguments: "x"`,
		`{"taskhawk_contract":1,"tasks":[` + task + `{"name":"p"}]}]}`:                                                      "task a: parameter p: schema missing",
		`{"taskhawk_contract":1,"tasks":[` + task + `{"name":"p","schema":{"$ref":"#/$defs/x"}}]}]}`:                        "unknown definition #/$defs/x",
		`{"taskhawk_contract":1,"tasks":[` + task + `{"name":"p","schema":{}},{"name":"q","aliases":["p"],"schema":{}}]}]}`: `parameter name "p" missing or given twice`,
		`{"taskhawk_contract":1,"tasks":[],"$defs":{"x":{"$ref":"#/$defs/x"}}}`:                                             "definition x: unknown definition",
		`{"taskhawk_contract":1,"tasks":[],"$defs":{"x":null}}`:                                                             "definition x: schema missing",
		`{"taskhawk_contract":1,"tasks":[],"$defs":{"x":7}}`:                                                                "schema is no object",
	} {
		_, err := contract.Read(strings.NewReader(input))
		require.ErrorContains(t, err, want, input)
	}
	_, err := contract.Read(brokenReader{})
	require.ErrorIs(t, err, errDisk)
}

var errDisk = errors.New("disk on fire")

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errDisk }

func FuzzRead(f *testing.F) {
	golden, err := os.ReadFile("testdata/everything.json")
	require.NoError(f, err)
	f.Add(golden)
	f.Add([]byte(`{"taskhawk_contract":1,"tasks":[],"$defs":{"x":{"anyOf":[null]}}}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		c, err := contract.Read(bytes.NewReader(input))
		if err != nil {
			return
		}
		again, err := contract.Read(strings.NewReader(text(t, c)))
		require.NoError(t, err)
		require.Equal(t, text(t, c), text(t, again))
	})
}

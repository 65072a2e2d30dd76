package contracttest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Color declares what its MarshalText writes.
type Color struct{ name string }

// MarshalText writes red or blue.
func (c Color) MarshalText() ([]byte, error) {
	if c.name == "" {
		return []byte("red"), nil
	}
	return []byte(c.name), nil
}

// UnmarshalText reads them.
func (c *Color) UnmarshalText(text []byte) error {
	if string(text) != "red" && string(text) != "blue" {
		return errColor
	}
	c.name = string(text)
	return nil
}

// JSONSchemaBytes is the declaration.
func (Color) JSONSchemaBytes() ([]byte, error) { return []byte(`{"enum": ["red", "blue"]}`), nil }

var errColor = errors.New("neither red nor blue")

// Checked has rules that count only where the validator looks.
type Checked struct {
	Name  string `json:"name"  validate:"required,max=9"`
	Count int    `json:"count" validate:"max=5"`
	Wide  int    `json:",string"`
}

// Tree is recursive.
type Tree struct {
	Label string  `validate:"max=9"`
	Below []*Tree `validate:"dive"`
}

// subject is a task with random arguments.
type subject struct {
	name string
	hub  func(config taskhawk.Config) (*taskhawk.Hub, error)
	send func(ctx context.Context, g generator) error
	bind func(body string) error
}

func subjectOf[Args any](name string) subject {
	task := taskhawk.New(name, func(context.Context, Args) error { return nil })
	return subject{
		name: name,
		hub: func(config taskhawk.Config) (*taskhawk.Hub, error) {
			config.Tasks = []taskhawk.AnyTask{task}
			return taskhawk.NewHub(config)
		},
		send: func(ctx context.Context, g generator) error {
			var args Args
			g.fill(reflect.ValueOf(&args).Elem(), 5)
			_, err := task.Dispatch(ctx, args)
			return err
		},
		bind: func(body string) error {
			msg, err := taskhawk.ParseMessage(body)
			if err == nil {
				_, err = task.Bind(msg)
			}
			return err
		},
	}
}

// excepted is what docs/contracts.md names: a null that is read as zero, and bytes that are
// read from a list of numbers.
var excepted = regexp.MustCompile(`got null|got array, want (null or )?string`)

type outbox struct{ last string }

func (o *outbox) Publish(_ context.Context, out *taskhawk.Outgoing) error {
	o.last = out.Body
	return nil
}

func compile(t *testing.T, hub *taskhawk.Hub, task string) *jsonschema.Schema {
	t.Helper()
	c, err := contract.Of(hub)
	require.NoError(t, err)
	var file bytes.Buffer
	_, err = c.WriteTo(&file)
	require.NoError(t, err)
	c, err = contract.Read(&file)
	require.NoError(t, err)
	text, err := c.MessageSchema(task)
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("message.json", doc))
	schema, err := compiler.Compile("message.json")
	require.NoError(t, err, "%s", text)
	return schema
}

func instance(t *testing.T, body string) map[string]any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	require.NoError(t, err)
	object, ok := value.(map[string]any)
	require.True(t, ok)
	return object
}

// Every message that is dispatched fits the schema. Messages that are changed at random
// and still bind fit it too: what breaks the schema is refused.
func TestMessagesFitTheirSchema(t *testing.T) {
	t.Parallel()
	sent, broken, bound := 0, 0, 0
	for n, s := range subjects() {
		g := generator{rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(n)))}
		for _, keywords := range []bool{false, true} {
			out := &outbox{}
			hub, err := s.hub(taskhawk.Config{Publisher: out, KeywordArgs: keywords})
			require.NoError(t, err)
			schema := compile(t, hub, s.name)
			ctx := taskhawk.ContextWithHub(t.Context(), hub)
			for range 100 {
				if s.send(ctx, g) != nil {
					continue // a rule, or a value that JSON does not have
				}
				sent++
				body := out.last
				require.NoError(t, schema.Validate(any(instance(t, body))), "%s: %s", s.name, body)
				for range 10 {
					changed := g.mutate(instance(t, body))
					text, err := json.Marshal(changed)
					require.NoError(t, err)
					fits, binds := schema.Validate(any(instance(t, string(text)))), s.bind(string(text))
					if fits != nil && excepted.MatchString(fits.Error()) {
						continue
					}
					if binds == nil {
						bound++
						require.NoError(t, fits, "%s: it binds: %s", s.name, text)
					}
					if fits != nil {
						broken++
					}
				}
			}
		}
	}
	t.Logf("%d messages sent; changed ones: %d break the schema, %d bind", sent, broken, bound)
	require.Greater(t, sent, 1000)
	require.Greater(t, broken, 5000)
	require.Greater(t, bound, 1000)
}

type generator struct{ *rand.Rand }

var texts = []string{"", "a", "abc", "b c", "x", "ünïcö", "a@example.com", "6ba7b810-9dad-41d1-80b4-00c04fd430c8", "2020-01-02T03:04:05Z", "a longer text"}

// fill gives v a random value that often keeps rules.
func (g generator) fill(v reflect.Value, depth int) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Unix(g.Int64N(4e9), g.Int64N(1e9)).In(time.FixedZone("", g.IntN(100)*900-45000))
		return
	case *json.Number:
		*x = json.Number([]string{"0", "-1.5e+300", strings.Repeat("9", 30)}[g.IntN(3)])
		return
	case *json.RawMessage:
		*x = json.RawMessage([]string{"null", `{"a":[1,"<x>"]}`, "1"}[g.IntN(3)])
		return
	case *uuid.UUID:
		*x = uuid.New()
		return
	case *Color:
		x.name = []string{"", "red", "blue"}[g.IntN(3)]
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if depth > 0 && g.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			g.fill(v.Elem(), depth-1)
		}
	case reflect.Struct:
		for _, f := range v.Fields() {
			g.fill(f, depth-1)
		}
	case reflect.Slice:
		if depth > 0 && g.IntN(4) > 0 {
			v.Set(reflect.MakeSlice(v.Type(), g.IntN(3), 3))
			for i := range v.Len() {
				g.fill(v.Index(i), depth-1)
			}
		}
	case reflect.Map:
		if depth > 0 && g.IntN(4) > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range g.IntN(3) {
				elem := reflect.New(v.Type().Elem()).Elem()
				g.fill(elem, depth-1)
				v.SetMapIndex(reflect.ValueOf([]string{"k", "l", "m"}[g.IntN(3)]), elem)
			}
		}
	case reflect.Interface:
		if value := g.value(); value != nil || g.IntN(2) == 0 {
			v.Set(reflect.ValueOf(&value).Elem())
		}
	case reflect.Bool:
		v.SetBool(g.IntN(3) > 0)
	case reflect.String:
		v.SetString(texts[g.IntN(len(texts))])
	default:
		g.fillNumber(v)
	}
}

func (g generator) fillNumber(v reflect.Value) {
	small := g.IntN(2) == 0
	switch {
	case v.CanInt() && small:
		v.SetInt(g.Int64N(10))
	case v.CanInt():
		v.SetInt(int64(g.Uint64()) >> g.IntN(64))
	case v.CanUint() && small:
		v.SetUint(g.Uint64N(10))
	case v.CanUint():
		v.SetUint(g.Uint64() >> g.IntN(64))
	case small:
		v.SetFloat(float64(g.IntN(5)) / 2)
	default:
		v.SetFloat(g.NormFloat64() * 1e6)
	}
}

// value returns a random JSON value but null. Lists are such that bytes are not read from
// them, and texts hold no number: docs/contracts.md names these.
func (g generator) value() any {
	numbers := []string{"0", "1", "2", "7", "-3", "300", "70000", "1.5", "1e3", "18446744073709551616", "1e400"}
	switch g.IntN(6) {
	case 0:
		return map[string]any{"q": json.Number("1")}
	case 1:
		return []any{map[string]any{"q": json.Number("1")}}
	case 2:
		return g.IntN(2) == 0
	case 3:
		return texts[g.IntN(len(texts))]
	}
	return json.Number(numbers[g.IntN(len(numbers))])
}

// mutate changes a message in one or two places.
func (g generator) mutate(message map[string]any) map[string]any {
	for range 1 + g.IntN(2) {
		args, _ := message["args"].([]any)
		kwargs, _ := message["kwargs"].(map[string]any)
		switch g.IntN(9) {
		case 0:
			message["args"] = append(args, g.value())
		case 1:
			if len(args) > 0 {
				message["args"] = args[:len(args)-1]
			}
		case 2:
			if len(args) > 1 {
				args[0], args[1] = args[1], args[0]
			}
		case 3:
			kwargs[[]string{"f0", "f1", "f2", "older1", "older2", "other"}[g.IntN(6)]] = g.value()
		case 4:
			for name := range kwargs {
				delete(kwargs, name)
				break
			}
		case 5:
			if len(args) > 0 {
				kwargs["f0"] = args[0]
			}
		case 6:
			message[[]string{"args", "kwargs", "headers"}[g.IntN(3)]] = nil
			return message
		default:
			message["args"], message["kwargs"] = g.change(args), g.change(kwargs)
		}
	}
	return message
}

// change replaces one part of a value, or all of it below the first level.
func (g generator) change(value any) any {
	switch v := value.(type) {
	case []any:
		if len(v) > 0 {
			i := g.IntN(len(v))
			v[i] = g.part(v[i])
		}
	case map[string]any:
		for name := range v {
			if g.IntN(3) == 0 {
				delete(v, name)
			} else {
				v[name] = g.part(v[name])
			}
			break
		}
	}
	return value
}

func (g generator) part(value any) any {
	switch value.(type) {
	case []any, map[string]any:
		if g.IntN(4) > 0 {
			return g.change(value)
		}
	}
	return g.value()
}

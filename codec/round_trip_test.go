package codec_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
)

// split cuts what Append writes into args and kwargs.
func split(text string) (args, kwargs string) {
	args, kwargs, _ = strings.Cut(strings.TrimPrefix(text, `"args":`), `,"kwargs":`)
	return args, kwargs
}

// roundTrips has parameters of every kind whose values JSON keeps.
type roundTrips struct {
	Str string
	Int int64
	Ptr *uint8
	Level1
	F32   float32           `taskhawk:"f,optional"`
	F64   float64           `taskhawk:",kw"`
	Bytes []byte            `taskhawk:",kw,optional"`
	Arr   [2]bool           `taskhawk:",kw,optional"`
	Map   map[int]string    `taskhawk:",kw"`
	SMap  map[string]string `taskhawk:",kw,optional"`
	When  time.Time         `taskhawk:",kw,optional"`
	Leaf  []leaf            `taskhawk:",kw"`
	Num   json.Number       `taskhawk:",kw,optional"`
	Rest  map[string][]int  `taskhawk:",rest"`
}

func FuzzRoundTrip(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, keyword bool) {
		var v, back roundTrips
		g := newGenerator(seed)
		g.fill(reflect.ValueOf(&v).Elem(), 5)
		c := of[roundTrips](t)
		add := c.Append
		if keyword {
			add = c.AppendKeyword
		}
		text, err := add(nil, &v)
		if err != nil {
			var fault *codec.Error
			require.ErrorAs(t, err, &fault)
			return
		}
		require.True(t, json.Valid([]byte("{"+string(text)+"}")))
		whole := struct{ Args, Kwargs json.RawMessage }{}
		require.NoError(t, json.Unmarshal([]byte("{"+string(text)+"}"), &whole))
		require.NoError(t, c.Decode(string(whole.Args), string(whole.Kwargs), &back))
		again, err := add(nil, &back)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
		require.Equal(t, v.Str, back.Str)
		require.Equal(t, v.Int, back.Int)
		require.Equal(t, v.Ptr, back.Ptr)
		require.True(t, v.When.Equal(back.When))
		require.Len(t, back.Rest, len(v.Rest))
	})
}

func FuzzDecodeBinds(f *testing.F) {
	f.Add(`["a",2,3]`, `{"k":true}`)
	f.Add(`[]`, `{"a":"a","b":null,"k":false,"o":"x","x":[1,{"y":null}]}`)
	f.Add(`null`, ``)
	f.Add(`[1`, `{"a":1}}`)
	f.Fuzz(func(t *testing.T, args, kwargs string) {
		got, err := decode[call](t, args, kwargs)
		want, ok := bindSlowly(args, kwargs)
		require.Equal(t, ok, err == nil, "%v", err)
		if ok {
			require.Equal(t, want, got)
		}
	})
}

// bindSlowly binds call's parameters the plain way: all values are first read by
// encoding/json.
func bindSlowly(args, kwargs string) (call, bool) {
	var list []json.RawMessage
	if args != "" && json.Unmarshal([]byte(args), &list) != nil {
		return call{}, false
	}
	given, ok := members(kwargs)
	names := []string{"a", "b", "c"}
	if !ok || len(list) > len(names) {
		return call{}, false
	}
	for i, x := range list {
		if _, twice := given[names[i]]; twice {
			return call{}, false
		}
		given[names[i]] = x
	}
	var v call
	targets := map[string]any{"a": &v.A, "b": &v.B, "c": &v.C, "k": &v.K, "o": &v.O}
	for name, x := range given {
		target, known := targets[name]
		if !known {
			target = new(any)
		}
		if json.Unmarshal(x, target) != nil {
			return call{}, false
		}
		if rest, unknown := target.(*any); unknown {
			if v.Rest == nil {
				v.Rest = map[string]any{}
			}
			v.Rest[name] = *rest
		}
	}
	for _, name := range []string{"a", "b", "k"} {
		if _, required := given[name]; !required {
			return call{}, false
		}
	}
	return v, true
}

// members reads an object; a name that comes twice is refused.
func members(text string) (map[string]json.RawMessage, bool) {
	m := map[string]json.RawMessage{}
	if text == "" {
		return m, true
	}
	if !json.Valid([]byte(text)) {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(text))
	if open, _ := d.Token(); open != json.Delim('{') {
		return m, open == nil
	}
	for d.More() {
		key, _ := d.Token()
		name := fmt.Sprint(key)
		if _, twice := m[name]; twice {
			return nil, false
		}
		var x json.RawMessage
		if d.Decode(&x) != nil {
			return nil, false
		}
		m[name] = x
	}
	return m, true
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	type fresh struct {
		A string
		B []leaf
		C any
		D map[string]tree `taskhawk:",kw"`
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			c, err := codec.Of[fresh]()
			require.NoError(t, err)
			v := fresh{A: fmt.Sprint(i), B: []leaf{{Name: "x"}}, C: map[string]any{"p": point{1, 2}, "i": i}, D: map[string]tree{"k": {Value: i}, "a": {}}}
			for range 100 {
				text, err := c.Append(nil, &v)
				require.NoError(t, err)
				args, kwargs := split(string(text))
				var back fresh
				require.NoError(t, c.Decode(args, kwargs, &back))
				require.Equal(t, v.A, back.A)
				require.Equal(t, v.D, back.D)
			}
		})
	}
	wg.Wait()
}

// bomb panics while it is written.
type bomb struct{}

func (bomb) MarshalJSON() ([]byte, error) { panic("boom") }

func TestPanicInMarshalerLeavesThePoolsSound(t *testing.T) {
	t.Parallel()
	type bombs struct {
		Map map[string]any
	}
	c := of[bombs](t)
	for range 50 {
		require.PanicsWithValue(t, "boom", func() {
			_, _ = c.Append(nil, &bombs{map[string]any{"a": 1, "b": map[string]any{"c": bomb{}}}})
		})
		text, err := c.Append(nil, &bombs{map[string]any{"b": 2.5, "a": "x"}})
		require.NoError(t, err)
		require.Equal(t, `"args":[{"a":"x","b":2.5}],"kwargs":{}`, string(text))
	}
}

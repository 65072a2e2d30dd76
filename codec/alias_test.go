package codec_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
)

// aliased is one parameter of a random declaration.
type aliased struct {
	name     string
	aliases  []string
	optional bool
}

// aliasNames are few, so that names and aliases clash. The default name of the first
// field is among them.
var aliasNames = []string{"a", "b", "A", "f0", "old", "é"}

// aliased makes a random declaration of int parameters.
func (g generator) aliased() (reflect.Type, []aliased) {
	params := make([]aliased, 1+g.IntN(4))
	fields := make([]reflect.StructField, len(params))
	for i := range params {
		p := &params[i]
		field := fmt.Sprint("F", i)
		options := ""
		if p.name = strings.ToLower(field); g.IntN(3) > 0 {
			p.name = aliasNames[g.IntN(len(aliasNames))]
			options = p.name
		}
		for range g.IntN(3) {
			alias := aliasNames[g.IntN(len(aliasNames))]
			p.aliases = append(p.aliases, alias)
			options += ",alias=" + alias
		}
		if p.optional = g.IntN(2) == 0; p.optional {
			options += ",optional"
		}
		fields[i] = reflect.StructField{
			Name: field, Type: reflect.TypeFor[int](), Tag: reflect.StructTag(`taskhawk:"` + options + `"`),
		}
	}
	return reflect.StructOf(fields), params
}

// readBy says which parameter each name is read by; nil if a name is taken twice.
func readBy(params []aliased) map[string]int {
	by := map[string]int{}
	for i, p := range params {
		for _, name := range append([]string{p.name}, p.aliases...) {
			if _, taken := by[name]; taken {
				return nil
			}
			by[name] = i
		}
	}
	return by
}

// bindAliases binds the plain way. It reports false for a call that Python would refuse.
func bindAliases(params []aliased, by map[string]int, list []int, given map[string]json.RawMessage) (values []int, ok bool) {
	values = make([]int, len(params))
	var set []int
	for i, x := range list {
		if i >= len(params) {
			return nil, false
		}
		values[i], set = x, append(set, i)
	}
	for name, text := range given {
		i, known := by[name]
		if !known || slices.Contains(set, i) || json.Unmarshal(text, &values[i]) != nil {
			return nil, false
		}
		set = append(set, i)
	}
	for i, p := range params {
		if !p.optional && !slices.Contains(set, i) {
			return nil, false
		}
	}
	return values, true
}

func ints(v reflect.Value) []int {
	values := make([]int, v.NumField())
	for i := range values {
		values[i] = int(v.Field(i).Int())
	}
	return values
}

// Declarations with all kinds of clashes are refused, and no others. A name, or one alias
// of it, is read; both are given twice; names are written.
func FuzzAliases(f *testing.F) {
	for seed, kwargs := range []string{
		`{}`, `{"a":1}`, `{"a":1,"old":2}`, `{"A":1,"a":2,"b":3,"f0":4}`, `{"old":1,"old":2}`, `{"é":1,"\u00e9":2}`, `{"old":null,"b":7}`, `{"a":"x"}`,
	} {
		for more := range uint64(20) {
			f.Add(uint64(seed)*20+more, `[1,2]`[:5*(more%2)], kwargs)
		}
	}
	f.Fuzz(func(t *testing.T, seed uint64, args, kwargs string) {
		typ, params := newGenerator(seed).aliased()
		err := codec.CheckType(typ)
		by := readBy(params)
		require.Equal(t, by == nil, err != nil, "%s: %v", typ, err)
		if err != nil {
			return
		}
		v := reflect.New(typ).Elem()
		err = codec.DecodeStruct(args, kwargs, v)
		given, ok := members(kwargs)
		var list []int
		if args != "" && json.Unmarshal([]byte(args), &list) != nil {
			ok = false
		}
		var values []int
		if ok {
			values, ok = bindAliases(params, by, list, given)
		}
		require.Equal(t, ok, err == nil, "%s: %s %s: %v", typ, args, kwargs, err)
		if !ok {
			return
		}
		require.Equal(t, values, ints(v))

		text, err := codec.AppendStruct(v)
		require.NoError(t, err)
		var written struct{ Kwargs map[string]int }
		require.NoError(t, json.Unmarshal([]byte("{"+string(text)+"}"), &written))
		for i, p := range params {
			value, found := written.Kwargs[p.name]
			require.Equal(t, !p.optional || values[i] != 0, found, "the name is written")
			require.Equal(t, values[i], value)
			delete(written.Kwargs, p.name)
		}
		require.Empty(t, written.Kwargs, "and nothing else")
	})
}

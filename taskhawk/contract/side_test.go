package contract_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/contract"
)

// version is one version of a program with the task "t": its contract, and its codec.
type version struct {
	contract *contract.Contract
	text     string   // of the contract
	repeated []string // what Go writes for calls that use nothing new
	messages []string // what Go, and Python in any mix, write
	older    []string // the same by the older names
	bind     func(body string) (map[string]any, error)
}

func (v version) task() contract.Task { return v.contract.Tasks[0] }

// program makes a version from the arguments of its calls; the first of them use nothing
// new.
type program func(t *testing.T) version

type outbox struct{ bodies []string }

func (o *outbox) Publish(_ context.Context, out *taskhawk.Outgoing) error {
	o.bodies = append(o.bodies, out.Body)
	return nil
}

// sends is a program whose Go calls have the given arguments. Only the first uses nothing
// new. It needs the values to be valid.
func sends[Args any](calls ...Args) program { return newProgram(false, calls) }

// sendsKeywords is the same with Config.KeywordArgs.
func sendsKeywords[Args any](calls ...Args) program { return newProgram(true, calls) }

func newProgram[Args any](keywords bool, calls []Args) program {
	return func(t *testing.T) version {
		t.Helper()
		task := taskhawk.New[Args]("t", nothing[Args])
		out := &outbox{}
		hub := newHub(t, taskhawk.Config{KeywordArgs: keywords, Publisher: out, Tasks: []taskhawk.AnyTask{task}})
		described, err := contract.Of(hub)
		require.NoError(t, err)
		// What is compared is what a file holds.
		described, err = contract.Read(strings.NewReader(text(t, described)))
		require.NoError(t, err)
		v := version{contract: described, text: text(t, described)}
		named := func(body string) map[string]json.RawMessage { return kwargsOf(t, body) }
		for i, call := range calls {
			_, err := task.Dispatch(t.Context(), call)
			require.NoError(t, err)
			body := out.bodies[len(out.bodies)-1]
			if i == 0 {
				v.repeated = append(v.repeated, body)
			}
			_, err = task.Dispatch(t.Context(), call, taskhawk.WithKeywordArgs())
			require.NoError(t, err)
			calls, older := pythonCalls(t, v.task(), named(out.bodies[len(out.bodies)-1]))
			v.messages, v.older = append(append(v.messages, body), calls...), append(v.older, older...)
		}
		v.bind = func(body string) (map[string]any, error) {
			msg, err := taskhawk.ParseMessage(body)
			require.NoError(t, err)
			args, err := task.Bind(msg)
			if err != nil {
				return nil, err
			}
			_, err = task.With(taskhawk.WithKeywordArgs()).Dispatch(t.Context(), args)
			require.NoError(t, err)
			values := map[string]any{}
			for name, raw := range named(out.bodies[len(out.bodies)-1]) {
				values[name] = decodeJSON(t, raw)
			}
			return values, nil
		}
		return v
	}
}

func kwargsOf(t *testing.T, body string) map[string]json.RawMessage {
	t.Helper()
	var message struct{ Kwargs map[string]json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(body), &message))
	return message.Kwargs
}

func decodeJSON(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	var value any
	require.NoError(t, decoder.Decode(&value))
	return value
}

// pythonCalls writes a call in every mix of positions and names that its contract allows,
// and by the older names.
func pythonCalls(t *testing.T, task contract.Task, values map[string]json.RawMessage) (calls, older []string) {
	t.Helper()
	args := []json.RawMessage{}
	kwargs := maps.Clone(values)
	write := func() {
		calls = append(calls, messageOf(t, args, kwargs))
		for _, p := range task.Params {
			for _, alias := range p.Aliases {
				if value, given := kwargs[p.Name]; given {
					byAlias := maps.Clone(kwargs)
					delete(byAlias, p.Name)
					byAlias[alias] = value
					older = append(older, messageOf(t, args, byAlias))
				}
			}
		}
	}
	write()
	for _, p := range task.Params {
		value, given := kwargs[p.Name]
		switch {
		case task.Sends == contract.Keywords:
			return calls, older
		case p.KeywordOnly:
			continue
		case !given:
			return calls, older // one that is left out ends what can stand by position
		}
		delete(kwargs, p.Name)
		args = append(args, value)
		write()
	}
	return calls, older
}

func messageOf(t *testing.T, args []json.RawMessage, kwargs map[string]json.RawMessage) string {
	t.Helper()
	call, err := json.Marshal(map[string]any{"args": args, "kwargs": kwargs})
	require.NoError(t, err)
	return `{"id":"1","metadata":{"priority":"default","timestamp":1,"version":"1.0"},"headers":{},"task":"t",` + string(call[1:])
}

// result is the worst that happens to messages at another version.
type result int

const (
	read result = iota
	refused
	misread
)

func (r result) String() string { return []string{"read", "refused", "misread"}[r] }

// exchange gives the messages of a writer to a reader. What both bind is compared.
func exchange(t *testing.T, writer, reader version, messages []string) result {
	t.Helper()
	worst := read
	for _, body := range messages {
		meant, err := writer.bind(body)
		require.NoError(t, err, "%s: a version reads its own messages", body)
		got, err := reader.bind(body)
		switch {
		case err != nil:
			worst = max(worst, refused)
		case !sameArguments(writer.task(), reader.task(), meant, got):
			worst = max(worst, misread)
		}
	}
	return worst
}

// sameArguments reports whether two versions bound the same values to the same
// parameters, known by one of their names.
func sameArguments(writer, reader contract.Task, meant, got map[string]any) bool {
	left := maps.Clone(got)
	for name, value := range meant {
		other := counterpart(writer, reader, name)
		if !sameValue(value, got[other]) {
			return false
		}
		delete(left, other)
	}
	for _, value := range left {
		if !isZero(value) {
			return false
		}
	}
	return true
}

// counterpart returns the reader's name of a parameter. One that has no name in common
// with any is that of its place.
func counterpart(writer, reader contract.Task, name string) string {
	names, place := []string{name}, -1
	for i, p := range writer.Params {
		if p.Name == name {
			names, place = append(names, p.Aliases...), i
		}
	}
	known := func(p contract.Param, names []string) bool {
		return slices.ContainsFunc(append([]string{p.Name}, p.Aliases...), func(n string) bool { return slices.Contains(names, n) })
	}
	for _, p := range reader.Params {
		if known(p, names) {
			return p.Name
		}
	}
	if place >= 0 && place < len(reader.Params) && !writer.Params[place].KeywordOnly && !reader.Params[place].KeywordOnly {
		if p := reader.Params[place]; !slices.ContainsFunc(writer.Params, func(w contract.Param) bool { return known(p, append([]string{w.Name}, w.Aliases...)) }) {
			return p.Name
		}
	}
	return name
}

func isZero(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case json.Number:
		return v == "0"
	case string:
		return v == ""
	case bool:
		return !v
	case []any:
		return len(v) == 0
	case map[string]any:
		return !slices.ContainsFunc(slices.Collect(maps.Values(v)), func(v any) bool { return !isZero(v) })
	}
	panic(fmt.Sprintf("%T", value))
}

// sameValue reports whether all of a value was read, whatever zeros were added.
func sameValue(meant, got any) bool {
	switch m := meant.(type) {
	case json.Number:
		g, ok := got.(json.Number)
		if !ok {
			return got == nil && isZero(m)
		}
		left, _ := new(big.Rat).SetString(string(m))
		right, _ := new(big.Rat).SetString(string(g))
		return left.Cmp(right) == 0
	case []any:
		g, ok := got.([]any)
		return ok && slices.EqualFunc(m, g, sameValue)
	case map[string]any:
		g, _ := got.(map[string]any)
		for name, value := range m {
			found := false
			for other, v := range g {
				found = found || strings.EqualFold(name, other) && sameValue(value, v)
			}
			if !found && !isZero(value) {
				return false
			}
		}
		return true
	case nil:
		return got == nil
	}
	return meant == got || got == nil && isZero(meant)
}

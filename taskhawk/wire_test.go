package taskhawk_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// wireCase is a captured message with what must become of it.
type wireCase struct {
	Case  string
	Body  string
	Queue string
	By140 bool `json:"accepted_by_1.4.0"`
	By470 bool `json:"accepted_by_4.7.0"`

	want wireWant
}

// wireCases returns the messages of a file in testdata/wire, each with its line of the
// want file.
func wireCases(t *testing.T, name string) []wireCase {
	t.Helper()
	lines, wants := wireLines(t, name+".jsonl"), wireLines(t, name+".want.jsonl")
	require.Len(t, wants, len(lines))
	cases := make([]wireCase, len(lines))
	for i, line := range lines {
		require.NoError(t, json.Unmarshal([]byte(line), &cases[i]))
		require.NoError(t, json.Unmarshal([]byte(wants[i]), &cases[i].want))
		require.Equal(t, cases[i].Case, cases[i].want.Case)
		cases[i].want.Case = ""
	}
	return cases
}

// requireWire wants a message to become what its want file says, with numbers exact to
// the last digit.
func requireWire(t *testing.T, c wireCase) {
	t.Helper()
	got := handleWire(t, c.Body)
	require.Equal(t, exactJSON(t, c.want.Args), exactJSON(t, got.Args))
	got.Args, c.want.Args = nil, nil
	if len(got.Headers) == 0 {
		got.Headers = nil
	}
	require.Equal(t, c.want, got)
}

func exactJSON(t *testing.T, text json.RawMessage) (value any) {
	t.Helper()
	if text == nil {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&value))
	return value
}

// TestPythonMessages runs what the Python library 1.4.0 put on a queue: each legal
// message runs the right task with the right values, each illegal one is refused with the
// right error.
func TestPythonMessages(t *testing.T) {
	t.Parallel()
	cases := wireCases(t, "taskhawk-python-1.4.0")
	require.Len(t, cases, 36)
	for _, c := range cases {
		t.Run(c.Case, func(t *testing.T) {
			t.Parallel()
			requireWire(t, c)
		})
	}
}

// TestPythonPrioritiesAreThoseOfTheirQueues checks the captured messages against the
// queues they were found on.
func TestPythonPrioritiesAreThoseOfTheirQueues(t *testing.T) {
	t.Parallel()
	suffixes := map[string]string{"default": "", "high": "-HIGH-PRIORITY", "low": "-LOW-PRIORITY", "bulk": "-BULK"}
	seen := map[string]bool{}
	for _, c := range wireCases(t, "taskhawk-python-1.4.0") {
		if c.want.Task == "" {
			continue
		}
		seen[c.want.Priority] = true
		require.Equal(t, "TASKHAWK-INTEROP"+suffixes[c.want.Priority], c.Queue, c.Case)
	}
	require.Len(t, seen, 4)
}

// TestBodiesThatPythonWasTriedWith runs the bodies whose fate with the Python consumers
// is known.
func TestBodiesThatPythonWasTriedWith(t *testing.T) {
	t.Parallel()
	cases := wireCases(t, "python-accepts")
	require.Len(t, cases, 132)
	for _, c := range cases {
		t.Run(c.Case, func(t *testing.T) {
			t.Parallel()
			requireWire(t, c)
		})
	}
}

// What docs/wire.md says about numbers that do not fit an int.
func TestNumbersThatFitOtherTypes(t *testing.T) {
	t.Parallel()
	const big70 = "1180591620717411303424" // 2^70
	requireNumber(t, "1.0", 1.0)
	requireNumber(t, big70, 0x1p70)
	requireNumber(t, "1.0", json.Number("1.0"))
	requireNumber(t, big70, json.Number(big70))
	requireNumber(t, big70, new(big.Int).Lsh(big.NewInt(1), 70))
}

func requireNumber[N any](t *testing.T, text string, want N) {
	t.Helper()
	type args struct{ N N }
	got, err := taskhawk.New[args]("t", nil).Bind(&taskhawk.Message{Args: "[" + text + "]"})
	require.NoError(t, err)
	require.Equal(t, want, got.N)
}

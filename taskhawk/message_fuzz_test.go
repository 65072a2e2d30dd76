package taskhawk_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// FuzzParseMessage checks the promises of ParseMessage for any input: it does not panic,
// and each accepted input is JSON that can be written and read again with the same
// meaning.
func FuzzParseMessage(f *testing.F) {
	for _, body := range wireBodies(f) {
		f.Add(body)
	}
	f.Add(plainBody)
	f.Add(`{"id":"i","task":"t","metadata":{"version":"1\u002e0","timestamp":"9999-12-31T23:59:59-23:59"}}`)
	f.Add(`{"id":"i","task":"t","metadata":{"version":"1.0","timestamp":-0.5e-3},"headers":{"a":["` + "\xff" + `"]}}`)
	f.Add(`{"id":"\ud800","task":"` + "\xff" + `","metadata":{"version":"1.0","timestamp":1e15}}`)
	f.Fuzz(func(t *testing.T, body string) {
		msg, err := taskhawk.ParseMessage(body)
		if err != nil {
			var refused *taskhawk.MessageError
			require.ErrorAs(t, err, &refused)
			require.Nil(t, msg)
			return
		}
		require.True(t, json.Valid([]byte(body)), "it accepts what is not JSON")
		require.NotEmpty(t, msg.ID)
		require.NotEmpty(t, msg.Task)
		requireSameMembers(t, body, msg)

		written, err := msg.MarshalJSON()
		require.NoError(t, err, "it cannot write what it has read")
		require.True(t, json.Valid(written))
		again, err := taskhawk.ParseMessage(string(written))
		require.NoError(t, err, "it cannot read what it has written")
		require.Equal(t, msg.Timestamp.UnixMilli(), again.Timestamp.UnixMilli())
		want := *msg
		want.Timestamp = again.Timestamp
		if want.Args == "" {
			want.Args = "[]"
		}
		if want.Kwargs == "" {
			want.Kwargs = "{}"
		}
		require.Equal(t, want, *again)
	})
}

// requireSameMembers compares with the values that encoding/json finds under the same
// keys. A map has no fold of case. Of two equal keys encoding/json takes the last, and
// ParseMessage refuses both.
func requireSameMembers(t *testing.T, body string, msg *taskhawk.Message) {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(body), &members))
	var id, task string
	require.NoError(t, json.Unmarshal(members["id"], &id))
	require.NoError(t, json.Unmarshal(members["task"], &task))
	require.Equal(t, id, msg.ID)
	require.Equal(t, task, msg.Task)
	for key, text := range map[string]string{"args": msg.Args, "kwargs": msg.Kwargs} {
		if text == "" {
			require.Contains(t, []string{"", "null"}, string(members[key]))
		} else {
			require.Equal(t, string(members[key]), text)
		}
	}
	var headers map[string]json.RawMessage
	if raw, ok := members["headers"]; ok {
		require.NoError(t, json.Unmarshal(raw, &headers))
	}
	require.Len(t, msg.Headers, len(headers))
}

// wireBodies returns the bodies of all captured messages.
func wireBodies(t testing.TB) []string {
	t.Helper()
	var bodies []string
	for _, name := range []string{"taskhawk-python-1.4.0.jsonl", "python-accepts.jsonl"} {
		for _, line := range wireLines(t, name) {
			var message struct{ Body string }
			require.NoError(t, json.Unmarshal([]byte(line), &message))
			bodies = append(bodies, message.Body)
		}
	}
	return bodies
}

// wireLines returns the lines of a file in testdata/wire.
func wireLines(t testing.TB, name string) []string {
	t.Helper()
	file, err := os.ReadFile("testdata/wire/" + name)
	require.NoError(t, err)
	var lines []string
	scanner := bufio.NewScanner(strings.NewReader(string(file)))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	require.NoError(t, scanner.Err())
	return lines
}

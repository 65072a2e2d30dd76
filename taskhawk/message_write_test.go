package taskhawk_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMarshalJSONWritesTheFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*taskhawk.Message)
		want   string
	}{
		{"plain", func(*taskhawk.Message) {}, plainBody},
		{
			"nothing but what must be there",
			func(m *taskhawk.Message) {
				*m = taskhawk.Message{ID: "i", Task: "t", Timestamp: time.UnixMilli(0)}
			},
			`{"id":"i","metadata":{"priority":"default","timestamp":0,"version":"1.0"},` +
				`"headers":{},"task":"t","args":[],"kwargs":{}}`,
		},
		{
			"headers in the order of their names",
			func(m *taskhawk.Message) {
				*m = taskhawk.Message{
					ID: "i", Task: "t", Timestamp: time.UnixMilli(-1), Priority: taskhawk.Bulk,
					Headers: taskhawk.Headers{"b": "2", "a": "1", "B": "0", "": "e"},
				}
			},
			`{"id":"i","metadata":{"priority":"bulk","timestamp":-1,"version":"1.0"},` +
				`"headers":{"":"e","B":"0","a":"1","b":"2"},"task":"t","args":[],"kwargs":{}}`,
		},
		{
			"text is escaped as little as JSON and SQS allow",
			func(m *taskhawk.Message) {
				*m = taskhawk.Message{
					ID: `"\/` + "\x00\n\x7f", Task: "é日😀<b>&", Timestamp: time.UnixMilli(1),
					Headers: taskhawk.Headers{"\u2028": "\ufffe\uffff\ufffd"},
				}
			},
			`{"id":"\"\\/\u0000\n` + "\x7f" + `","metadata":{"priority":"default","timestamp":1,"version":"1.0"},` +
				`"headers":{"\u2028":"\ufffe\uffff` + "\ufffd" + `"},"task":"é日😀<b>&","args":[],"kwargs":{}}`,
		},
		{
			"arguments stay as they are",
			func(m *taskhawk.Message) {
				*m = taskhawk.Message{
					ID: "i", Task: "t", Timestamp: time.UnixMilli(1), Args: "[ 1.0 ,\t\"\\u003c\"]", Kwargs: `{ }`,
				}
			},
			`{"id":"i","metadata":{"priority":"default","timestamp":1,"version":"1.0"},` +
				`"headers":{},"task":"t","args":[ 1.0 ,` + "\t" + `"\u003c"],"kwargs":{ }}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			msg := plainMessage()
			c.change(&msg)
			body, err := msg.MarshalJSON()
			require.NoError(t, err)
			require.Equal(t, c.want, string(body))
			require.True(t, json.Valid(body))

			again, err := taskhawk.ParseMessage(string(body))
			require.NoError(t, err)
			require.Equal(t, msg.Timestamp.UTC(), again.Timestamp)
			require.Len(t, again.Headers, len(msg.Headers))
			require.Equal(t, msg.ID+msg.Task, again.ID+again.Task)
		})
	}
}

func TestMarshalJSONRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		change        func(*taskhawk.Message)
		field, reason string
	}{
		{"no id", func(m *taskhawk.Message) { m.ID = "" }, "id", "is empty"},
		{"no task", func(m *taskhawk.Message) { m.Task = "" }, "task", "is empty"},
		{"no such priority", func(m *taskhawk.Message) { m.Priority = 4 }, "metadata.priority", "is unknown"},
		{
			"after the year 9999", func(m *taskhawk.Message) { m.Timestamp = time.UnixMilli(253402300800000) },
			"metadata.timestamp", "is out of range",
		},
		{"id not UTF-8", func(m *taskhawk.Message) { m.ID = "\xff" }, "id", "is not valid UTF-8"},
		{"task not UTF-8", func(m *taskhawk.Message) { m.Task = "\xed\xa0\x80" }, "task", "is not valid UTF-8"},
		{"header key not UTF-8", func(m *taskhawk.Message) { m.Headers = taskhawk.Headers{"\xc3": ""} }, "headers", "is not valid UTF-8"},
		{"header value not UTF-8", func(m *taskhawk.Message) { m.Headers["request_id"] = "\x80" }, "headers", "is not valid UTF-8"},
		{"args an object", func(m *taskhawk.Message) { m.Args = "{}" }, "args", "does not begin with ["},
		{"args after a space", func(m *taskhawk.Message) { m.Args = " []" }, "args", "does not begin with ["},
		{"args cut off", func(m *taskhawk.Message) { m.Args = "[1" }, "args", "is not JSON"},
		{"args not JSON", func(m *taskhawk.Message) { m.Args = "[NaN]" }, "args", "is not JSON"},
		{"args with more behind", func(m *taskhawk.Message) { m.Args = `[],"task":"x"` }, "args", "goes on after its end"},
		{"kwargs a list", func(m *taskhawk.Message) { m.Kwargs = "[]" }, "kwargs", "does not begin with {"},
		{"kwargs cut off", func(m *taskhawk.Message) { m.Kwargs = `{"a"` }, "kwargs", "is not JSON"},
		{"kwargs with more behind", func(m *taskhawk.Message) { m.Kwargs = `{}}` }, "kwargs", "goes on after its end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			msg := plainMessage()
			c.change(&msg)
			body, err := msg.MarshalJSON()
			require.Nil(t, body)
			var refused *taskhawk.MessageError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, c.field, refused.Field)
			require.Equal(t, c.reason, refused.Reason)
		})
	}
	unknown := plainMessage()
	unknown.Priority = 4
	_, err := unknown.MarshalJSON()
	require.ErrorIs(t, err, taskhawk.ErrUnknownPriority)
}

func TestMessageTravelsThroughEncodingJSON(t *testing.T) {
	t.Parallel()
	msg := plainMessage()
	encoded, err := json.Marshal(&msg)
	require.NoError(t, err)
	require.JSONEq(t, plainBody, string(encoded))
	var decoded taskhawk.Message
	require.NoError(t, json.Unmarshal(encoded, &decoded))
	require.Equal(t, msg, decoded)
}

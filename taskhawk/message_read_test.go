package taskhawk_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// plainBody is the message of the Python library's usage guide, with its keys in the
// order of the format.
const plainBody = `{"id":"b1328174","metadata":{"priority":"high","timestamp":1460868253255,"version":"1.0"},` +
	`"headers":{"request_id":"1234"},"task":"tasks.send_email","args":["a@b.c"],"kwargs":{"subject":"hi"}}`

// plainMessage is what plainBody says.
func plainMessage() taskhawk.Message {
	return taskhawk.Message{
		ID: "b1328174", Priority: taskhawk.High, Timestamp: time.UnixMilli(1460868253255).UTC(),
		Headers: taskhawk.Headers{"request_id": "1234"}, Task: "tasks.send_email",
		Args: `["a@b.c"]`, Kwargs: `{"subject":"hi"}`,
	}
}

// replaced returns plainBody with a part of it replaced.
func replaced(t *testing.T, part, by string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(plainBody, part), "%s must be in the body once", part)
	return strings.Replace(plainBody, part, by, 1)
}

func TestParseMessageReads(t *testing.T) {
	t.Parallel()
	at := func(text string) func(*taskhawk.Message) {
		parsed, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		return func(m *taskhawk.Message) { m.Timestamp = parsed.UTC() }
	}
	header := func(value string) func(*taskhawk.Message) {
		return func(m *taskhawk.Message) { m.Headers = taskhawk.Headers{"request_id": value} }
	}
	same := func(*taskhawk.Message) {}
	for _, c := range []struct {
		name, part, by string
		want           func(*taskhawk.Message)
	}{
		{"the format itself", `"id"`, `"id"`, same},
		{"unknown keys", `{"id"`, `{"ID":1,"Task":null,"x":{"id":2,"x":[]},"id"`, same},
		{"an unknown key twice", `{"id"`, `{"x":1,"x":2,"id"`, same},
		{"unknown metadata", `{"priority"`, `{"Version":"2.0","x":1,"priority"`, same},
		{"escaped keys", `"task"`, `"t\u0061sk"`, same},
		{"white space", `{"id":"b1328174",`, "\r\n\t {\n\"id\"\t: \"b1328174\"\r , ", same},
		{"white space behind", `hi"}}`, "hi\"} \n} \n\t\r", same},
		{"args null", `["a@b.c"]`, `null`, func(m *taskhawk.Message) { m.Args = "" }},
		{"args missing", `,"args":["a@b.c"]`, ``, func(m *taskhawk.Message) { m.Args = "" }},
		{"args kept as text", `["a@b.c"]`, `[ 1.0 , 1e400 ]`, func(m *taskhawk.Message) { m.Args = `[ 1.0 , 1e400 ]` }},
		{"kwargs null", `{"subject":"hi"}`, `null`, func(m *taskhawk.Message) { m.Kwargs = "" }},
		{"kwargs missing", `,"kwargs":{"subject":"hi"}`, ``, func(m *taskhawk.Message) { m.Kwargs = "" }},
		{"headers null", `{"request_id":"1234"}`, `null`, func(m *taskhawk.Message) { m.Headers = nil }},
		{"headers missing", `"headers":{"request_id":"1234"},`, ``, func(m *taskhawk.Message) { m.Headers = nil }},
		{"headers empty", `{"request_id":"1234"}`, `{ }`, func(m *taskhawk.Message) { m.Headers = nil }},
		{"header number", `"1234"`, `12.50`, header(`12.50`)},
		{"header boolean", `"1234"`, `true`, header(`true`)},
		{"header null", `"1234"`, `null`, header(`null`)},
		{"header object", `"1234"`, `{ "k": [1, "\u00e9"] }`, header(`{ "k": [1, "\u00e9"] }`)},
		{"header escapes", `"1234"`, `"Zo\u00eb \u2713 \ud83d\ude00 \/"`, header("Zoë ✓ 😀 /")},
		{"header empty", `"1234"`, `""`, header("")},
		{"header lone surrogate", `"1234"`, `"\ud800"`, header("\uFFFD")},
		{"header invalid UTF-8", `"1234"`, "\"\xff\"", header("\uFFFD")},
		{"header object with invalid UTF-8", `"1234"`, "[\"\xff\"]", header("[\"\uFFFD\"]")},
		{"header with no key", `"request_id"`, `""`, func(m *taskhawk.Message) { m.Headers = taskhawk.Headers{"": "1234"} }},
		{"priority missing", `"priority":"high",`, ``, func(m *taskhawk.Message) { m.Priority = taskhawk.Default }},
		{"priority null", `"high"`, `null`, func(m *taskhawk.Message) { m.Priority = taskhawk.Default }},
		{"priority bulk", `"high"`, `"bulk"`, func(m *taskhawk.Message) { m.Priority = taskhawk.Bulk }},
		{"id of any text", `"b1328174"`, `"hello \u00e9 world"`, func(m *taskhawk.Message) { m.ID = "hello é world" }},
		{"version escaped", `"1.0"`, `"1\u002e0"`, same},
		{"timestamp float", `1460868253255`, `1460868253255.75`, at("2016-04-17T04:44:13.25575Z")},
		{"timestamp float, whole", `1460868253255`, `1460868253255.0`, same},
		{"timestamp exponent", `1460868253255`, `1.460868253255E12`, same},
		{"timestamp zero", `1460868253255`, `0`, at("1970-01-01T00:00:00Z")},
		{"timestamp negative", `1460868253255`, `-5`, at("1969-12-31T23:59:59.995Z")},
		{"timestamp last", `1460868253255`, `253402300799999`, at("9999-12-31T23:59:59.999Z")},
		{"timestamp UTC", `1460868253255`, `"2016-04-17T04:44:13.255Z"`, same},
		{"timestamp nanoseconds", `1460868253255`, `"2016-04-17T04:44:13.255123456Z"`, at("2016-04-17T04:44:13.255123456Z")},
		{"timestamp offset", `1460868253255`, `"2016-04-17T06:44:13.255+02:00"`, same},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := plainMessage()
			c.want(&want)
			body := replaced(t, c.part, c.by)
			msg, err := taskhawk.ParseMessage(body)
			require.NoError(t, err)
			require.Equal(t, want, *msg)

			var decoded taskhawk.Message
			require.NoError(t, json.Unmarshal([]byte(body), &decoded))
			require.Equal(t, want, decoded)
		})
	}
}

func TestParseMessageReadsKeysInAnyOrder(t *testing.T) {
	t.Parallel()
	msg, err := taskhawk.ParseMessage(`{"kwargs":{"subject":"hi"},"args":["a@b.c"],"task":"tasks.send_email",` +
		`"headers":{"request_id":"1234"},"metadata":{"version":"1.0","timestamp":1460868253255,"priority":"high"},"id":"b1328174"}`)
	require.NoError(t, err)
	require.Equal(t, plainMessage(), *msg)
}

func TestUnmarshalJSONLeavesTheMessageOnError(t *testing.T) {
	t.Parallel()
	msg := plainMessage()
	var refused *taskhawk.MessageError
	require.ErrorAs(t, msg.UnmarshalJSON([]byte(`{}`)), &refused)
	require.Equal(t, plainMessage(), msg)
}

const (
	compactBody = `{"id":"b1328174","metadata":{"priority":"high","timestamp":1460868253255,"version":"1.0"},` +
		`"headers":{"request_id":"1234"},"task":"tasks.send_email","args":["a@b.c"],"kwargs":{"subject":"hi"}}`
	spacedBody = `{"id": "b1328174", "metadata": {"priority": "high", "timestamp": 1460868253255, "version": "1.0"}, ` +
		`"headers": {"request_id": "1234"}, "task": "tasks.send_email", "args": ["a@b.c"], "kwargs": {"subject": "hi"}}`
)

// requireSameWithSpace wants white space behind a body, which no layout has, to change
// nothing.
func requireSameWithSpace(t *testing.T, body string) {
	t.Helper()
	msg, err := taskhawk.ParseMessage(body)
	other, otherErr := taskhawk.ParseMessage(body + "\n")
	require.Equal(t, msg, other)
	var refused, otherRefused *taskhawk.MessageError
	require.Equal(t, errors.As(err, &refused), errors.As(otherErr, &otherRefused))
	if refused != nil {
		require.Equal(t, refused.Field+refused.Reason, otherRefused.Field+otherRefused.Reason)
	}
}

func TestParseMessageReadsEveryLayoutAlike(t *testing.T) {
	t.Parallel()
	want := plainMessage()
	compact, err := taskhawk.ParseMessage(compactBody)
	require.NoError(t, err)
	require.Equal(t, &want, compact)
	want.Kwargs = `{"subject": "hi"}`
	spaced, err := taskhawk.ParseMessage(spacedBody)
	require.NoError(t, err)
	require.Equal(t, &want, spaced)

	for _, body := range []string{compactBody, spacedBody} {
		requireSameWithSpace(t, body)
		for _, change := range []struct{ old, by string }{
			{`"b1328174"`, `""`},
			{`"b1328174"`, `null`},
			{`"b1328174"`, "\"\xff\\u0041\""},
			{`"high"`, `"urgent"`},
			{`"high"`, `null`},
			{`1460868253255`, `0`},
			{`1460868253255`, `-1`},
			{`1460868253255`, `01`},
			{`1460868253255`, `1e3`},
			{`1460868253255`, `1.5`},
			{`1460868253255`, ``},
			{`1460868253255`, `99999999999999`},
			{`1460868253255`, `253402300799999`},
			{`1460868253255`, `253402300800000`},
			{`1460868253255`, strings.Repeat("9", 40)},
			{`"1.0"`, `"1.1"`},
			{`"tasks.send_email"`, `""`},
			{`"1234"`, `[1, 2]`},
			{`"1234"`, `"1234", "request_id": "5"`},
			{`"1234"}`, `"1234"`},
			{`["a@b.c"]`, `null`},
			{`["a@b.c"]`, `{}`},
			{`["a@b.c"]`, `[1 2]`},
			{`"task"`, `"args"`},
			{`"hi"}}`, `"hi"}`},
			{`"hi"}}`, `"hi"},"id":"x"}`},
			{`"hi"}}`, `"hi"}}}`},
		} {
			requireSameWithSpace(t, strings.Replace(body, change.old, change.by, 1))
		}
	}
}

// The last instants that can be written are the end of the year 9999, and as long before
// 1970.
func TestMessagesAtTheEndsOfTime(t *testing.T) {
	t.Parallel()
	const last int64 = 253402300799999
	for _, ms := range []int64{last, -last} {
		msg := plainMessage()
		msg.Timestamp = time.UnixMilli(ms).UTC()
		body, err := msg.MarshalJSON()
		require.NoError(t, err)
		read, err := taskhawk.ParseMessage(string(body))
		require.NoError(t, err)
		require.Equal(t, msg, *read)
		msg.Timestamp = time.UnixMilli(ms + ms/last)
		_, err = msg.MarshalJSON()
		require.ErrorContains(t, err, "is out of range")
	}
	read, err := taskhawk.ParseMessage(replaced(t, "1460868253255", `"9999-12-31T23:59:59.999Z"`))
	require.NoError(t, err)
	require.Equal(t, last, read.Timestamp.UnixMilli())
}

func TestParseMessageReadsTimestampsOfEveryLength(t *testing.T) {
	t.Parallel()
	for digits := 1; digits <= 15; digits++ {
		ms := strings.Repeat("1", digits)
		msg, err := taskhawk.ParseMessage(strings.Replace(compactBody, "1460868253255", ms, 1))
		require.NoError(t, err)
		var want int64
		for range digits {
			want = 10*want + 1
		}
		require.Equal(t, time.UnixMilli(want).UTC(), msg.Timestamp)
	}
}

// FuzzParseMessageLayouts holds the two ways to read a body against each other.
func FuzzParseMessageLayouts(f *testing.F) {
	for _, body := range wireBodies(f) {
		f.Add(body)
	}
	f.Add(compactBody)
	f.Add(spacedBody)
	f.Fuzz(requireSameWithSpace)
}

func BenchmarkParseMessage(b *testing.B) {
	for name, body := range map[string]string{"compact": compactBody, "spaced": spacedBody, "otherwise": compactBody + "\n"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := taskhawk.ParseMessage(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

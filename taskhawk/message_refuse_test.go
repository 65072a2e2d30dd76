package taskhawk_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestParseMessageRefuses(t *testing.T) {
	t.Parallel()
	const (
		at       = `1460868253255`
		metadata = `{"priority":"high","timestamp":1460868253255,"version":"1.0"}`
		headers  = `{"request_id":"1234"}`
	)
	for _, c := range []struct{ name, part, by, field, reason string }{
		{"id missing", `"id":"b1328174",`, ``, "id", "is missing"},
		{"id null", `"b1328174"`, `null`, "id", "is not a string"},
		{"id number", `"b1328174"`, `42`, "id", "is not a string"},
		{"id object", `"b1328174"`, `{"a":1}`, "id", "is not a string"},
		{"id empty", `"b1328174"`, `""`, "id", "is empty"},
		{"id twice", `{"id"`, `{"id":"x","id"`, "id", "is given twice"},
		{"id twice, once escaped", `{"id"`, `{"\u0069d":"x","id"`, "id", "is given twice"},
		{"id in another case", `"id"`, `"Id"`, "id", "is missing"},
		{"task missing", `"task":"tasks.send_email",`, ``, "task", "is missing"},
		{"task null", `"tasks.send_email"`, `null`, "task", "is not a string"},
		{"task empty", `"tasks.send_email"`, `""`, "task", "is empty"},
		{"task twice", `{"id"`, `{"task":"x","id"`, "task", "is given twice"},
		{"task in another case", `"task"`, `"Task"`, "task", "is missing"},
		{"metadata missing", `"metadata":` + metadata + `,`, ``, "metadata", "is missing"},
		{"metadata null", metadata, `null`, "metadata", "is not an object"},
		{"metadata list", metadata, `[1]`, "metadata", "is not an object"},
		{"metadata text", metadata, `"x"`, "metadata", "is not an object"},
		{"metadata empty", metadata, `{}`, "metadata.version", "is missing"},
		{"metadata twice", `{"id"`, `{"metadata":{},"id"`, "metadata", "is given twice"},
		{"version missing", `,"version":"1.0"`, ``, "metadata.version", "is missing"},
		{"version null", `"1.0"`, `null`, "metadata.version", "is not a string"},
		{"version number", `"1.0"`, `1.0`, "metadata.version", "is not a string"},
		{"version 1", `"1.0"`, `"1"`, "metadata.version", `is not "1.0"`},
		{"version 1.1", `"1.0"`, `"1.1"`, "metadata.version", `is not "1.0"`},
		{"version empty", `"1.0"`, `""`, "metadata.version", "is empty"},
		{"version twice", `"version"`, `"version":"1.0","version"`, "metadata.version", "is given twice"},
		{"version in another case", `"version"`, `"Version"`, "metadata.version", "is missing"},
		{"priority unknown", `"high"`, `"urgent"`, "metadata.priority", "is unknown"},
		{"priority in another case", `"high"`, `"HIGH"`, "metadata.priority", "is unknown"},
		{"priority number", `"high"`, `2`, "metadata.priority", "is not a string"},
		{"priority empty", `"high"`, `""`, "metadata.priority", "is empty"},
		{"priority twice", `{"priority"`, `{"priority":null,"priority"`, "metadata.priority", "is given twice"},
		{"timestamp missing", `"timestamp":1460868253255,`, ``, "metadata.timestamp", "is missing"},
		{"timestamp null", at, `null`, "metadata.timestamp", "is neither a number nor a text"},
		{"timestamp true", at, `true`, "metadata.timestamp", "is neither a number nor a text"},
		{"timestamp list", at, `[1]`, "metadata.timestamp", "is neither a number nor a text"},
		{"timestamp empty", at, `""`, "metadata.timestamp", "is empty"},
		{"timestamp of digits in a text", at, `"1460868253255"`, "metadata.timestamp", "is a text that is not RFC 3339"},
		{"timestamp date only", at, `"2016-04-17"`, "metadata.timestamp", "is a text that is not RFC 3339"},
		{"timestamp with a space", at, `"2016-04-17 04:44:13Z"`, "metadata.timestamp", "is a text that is not RFC 3339"},
		{"timestamp after 9999", at, `253402300800000`, "metadata.timestamp", "is out of range"},
		{"timestamp after 9999 by its offset", at, `"9999-12-31T23:59:59-00:01"`, "metadata.timestamp", "is out of range"},
		{"timestamp 2^63", at, `9223372036854775808`, "metadata.timestamp", "is out of range"},
		{"timestamp 1e400", at, `1e400`, "metadata.timestamp", "is out of range"},
		{"timestamp -1e400", at, `-1e400`, "metadata.timestamp", "is out of range"},
		{"timestamp of 400 digits", at, strings.Repeat("9", 400), "metadata.timestamp", "is out of range"},
		{"timestamp twice", `"timestamp"`, `"timestamp":1,"timestamp"`, "metadata.timestamp", "is given twice"},
		{"headers list", headers, `["a"]`, "headers", "is not an object"},
		{"headers text", headers, `"x"`, "headers", "is not an object"},
		{"headers number", headers, `0`, "headers", "is not an object"},
		{"headers twice", `{"id"`, `{"headers":null,"id"`, "headers", "is given twice"},
		{"header twice", headers, `{"a":"1","a":"2"}`, "headers", "has a key twice"},
		{"header twice, once escaped", headers, `{"a":"1","\u0061":"2"}`, "headers", "has a key twice"},
		{"args text", `["a@b.c"]`, `"ab"`, "args", "is not an array"},
		{"args object", `["a@b.c"]`, `{}`, "args", "is not an array"},
		{"args number", `["a@b.c"]`, `5`, "args", "is not an array"},
		{"args twice", `{"id"`, `{"args":[],"id"`, "args", "is given twice"},
		{"args null and again", `{"id"`, `{"args":null,"id"`, "args", "is given twice"},
		{"kwargs list", `{"subject":"hi"}`, `[]`, "kwargs", "is not an object"},
		{"kwargs text", `{"subject":"hi"}`, `"x"`, "kwargs", "is not an object"},
		{"kwargs twice", `{"id"`, `{"kwargs":{},"id"`, "kwargs", "is given twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			requireRefused(t, replaced(t, c.part, c.by), c.field, c.reason)
		})
	}
}

// requireRefused wants a MessageError for the body.
func requireRefused(t *testing.T, body, field, reason string) {
	t.Helper()
	msg, err := taskhawk.ParseMessage(body)
	require.Nil(t, msg)
	var refused *taskhawk.MessageError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, field, refused.Field)
	require.Equal(t, reason, refused.Reason)
	require.ErrorContains(t, err, "not a taskhawk message: ")
	require.ErrorContains(t, err, reason)
}

func TestParseMessageWrapsTheUnknownPriority(t *testing.T) {
	t.Parallel()
	_, err := taskhawk.ParseMessage(replaced(t, `"high"`, `"urgent"`))
	require.ErrorIs(t, err, taskhawk.ErrUnknownPriority)
	require.EqualError(t, err,
		"not a taskhawk message: metadata.priority is unknown: unknown priority: want default, high, low or bulk")
}

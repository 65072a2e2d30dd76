package taskhawk_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

const (
	compactBody = `{"id":"b1328174","metadata":{"priority":"high","timestamp":1460868253255,"version":"1.0"},` +
		`"headers":{"request_id":"1234"},"task":"tasks.send_email","args":["a@b.c"],"kwargs":{"subject":"hi"}}`
	spacedBody = `{"id": "b1328174", "metadata": {"priority": "high", "timestamp": 1460868253255, "version": "1.0"}, ` +
		`"headers": {"request_id": "1234"}, "task": "tasks.send_email", "args": ["a@b.c"], "kwargs": {"subject": "hi"}}`
)

// requireSameWithSpace wants white space behind a body, which no layout has, to change nothing.
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

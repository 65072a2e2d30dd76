package awsbatch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
)

func TestMirrorAlwaysHasTheTask(t *testing.T) {
	t.Parallel()
	require.Equal(t, []awsbatch.Attribute{{Name: "taskhawk_task", Value: "t"}}, awsbatch.Mirror("t", nil, 1, 100))
}

func TestMirrorPutsTraceContextFirst(t *testing.T) {
	t.Parallel()
	headers := map[string]string{"tracestate": "s", "traceparent": "p", "X-Amzn-Trace-Id": "x", "a": "1", "b": "2"}
	var names []string
	for _, a := range awsbatch.Mirror("t", headers, awsbatch.MaxAttributes, 1<<20) {
		names = append(names, a.Name)
	}
	require.Equal(t, []string{"taskhawk_task", "X-Amzn-Trace-Id", "traceparent", "tracestate", "a", "b"}, names)
}

func TestMirrorHasAtMostTen(t *testing.T) {
	t.Parallel()
	headers := map[string]string{"": "x", "bad name": "x", "empty": ""}
	for i := range 20 {
		headers[fmt.Sprintf("h%02d", i)] = "v"
	}
	mirror := awsbatch.Mirror("t", headers, awsbatch.DefaultAttributes, 1<<20)
	require.Len(t, mirror, 9)
	require.Equal(t, "h07", mirror[8].Name)

	headers["h00"] = strings.Repeat("v", 1000)
	mirror = awsbatch.Mirror("t", headers, awsbatch.MaxAttributes, 100)
	require.Equal(t, "h01", mirror[1].Name, "what does not fit is left out, and others take its place")
	size := 0
	for _, a := range mirror {
		size += a.Size()
	}
	require.LessOrEqual(t, size, 100)
	require.ErrorContains(t, awsbatch.CheckAttributes(11), "MaxAttributes 11")
	require.NoError(t, awsbatch.CheckAttributes(0))
}

func TestValidName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "A-b_c.d9", "aws", "awsx", "amazonia.x", strings.Repeat("a", 256)} {
		require.True(t, awsbatch.ValidAttributeName(name), name)
	}
	for _, name := range []string{
		"", "a b", "a\r\nb", "\u00e9", ".a", "a.", "a..b", "AWS.x", "aws.x", "Amazon.x", "aMaZoN.", strings.Repeat("a", 257),
	} {
		require.False(t, awsbatch.ValidAttributeName(name), name)
	}
}

func TestForbidden(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"":                                     -1,
		"\t\n\r ~\x7f\u0085\ud7ff\ue000\ufffd": -1,
		"\U0001fffe\U0010ffff":                 -1,
		"ab\x00":                               2,
		"\x1f":                                 0,
		"\u00e9\ufffe":                         2,
		"\uffff":                               0,
		"a\xff":                                1,
		"\ufffd\xed\xa0\x80":                   3,
	} {
		require.Equal(t, want, awsbatch.Forbidden(text), "%q", text)
	}
	require.False(t, awsbatch.ValidAttributeValue(""))
	require.False(t, awsbatch.ValidAttributeValue("\x00"))
	require.True(t, awsbatch.ValidAttributeValue("x"))
}

// Text is looked at eight bytes at a time: every character counts at each place in them, also behind others that do not.
func TestForbiddenAtEveryPlace(t *testing.T) {
	t.Parallel()
	for c := range rune(0x250) {
		for before := range 17 {
			text := strings.Repeat("\x7f ", before)[:before] + string(c) + "\t123456789abcdef"
			want := -1
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
				want = before
			}
			require.Equal(t, want, awsbatch.Forbidden(text), "%q", text)
			require.Equal(t, before, awsbatch.Forbidden(text[:before]+"\xff"+text[before:]), "%q", text)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	require.Equal(t, len("nameStringvalue"), awsbatch.Attribute{Name: "name", Value: "value"}.Size())
}

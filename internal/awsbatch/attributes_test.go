package awsbatch_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMirrorAlwaysHasTheTask(t *testing.T) {
	t.Parallel()
	require.Equal(t, []awsbatch.Attribute{{Name: "taskhawk_task", Value: "t"}}, awsbatch.Mirror("t", nil, 9, 1000))
}

func TestMirrorPutsTraceContextFirst(t *testing.T) {
	t.Parallel()
	headers := map[string]string{"tracestate": "s", "traceparent": "p", "X-Amzn-Trace-Id": "x", "a": "1", "b": "2"}
	var names []string
	for _, a := range awsbatch.Mirror("t", headers, 10, 1000) {
		names = append(names, a.Name)
	}
	require.Equal(t, []string{"taskhawk_task", "X-Amzn-Trace-Id", "traceparent", "tracestate", "a", "b"}, names)
}

func TestMirrorHasAtMostSoMany(t *testing.T) {
	t.Parallel()
	headers := map[string]string{"": "x", "bad name": "x", "empty": ""}
	for i := range 20 {
		headers[fmt.Sprintf("h%02d", i)] = "v"
	}
	mirror := awsbatch.Mirror("t", headers, 10, 1000)
	require.Len(t, mirror, awsbatch.MaxAttributes)
	require.Equal(t, "h08", mirror[9].Name)
	require.Len(t, awsbatch.Mirror("t", headers, 3, 1000), 3)
}

func TestMirrorLeavesOutWhatHasNoRoom(t *testing.T) {
	t.Parallel()
	headers := map[string]string{"a": strings.Repeat("x", 100), "b": "2", "traceparent": "p"}
	var names []string
	for _, a := range awsbatch.Mirror("t", headers, 9, 60) {
		names = append(names, a.Name)
	}
	require.Equal(t, []string{"taskhawk_task", "traceparent", "b"}, names, "20 and 18 of 60 bytes, then 8 more")
	require.Equal(t, []awsbatch.Attribute{{Name: "taskhawk_task", Value: "t"}}, awsbatch.Mirror("t", headers, 9, -5),
		"the name is there whatever the room")
}

func TestValidName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "A-b_c.d9", "AZ.az-09", "aws", "awsx", "amazonia.x", strings.Repeat("a", 256)} {
		require.True(t, awsbatch.ValidAttributeName(name), name)
	}
	for _, name := range []string{
		"", "a b", "a\r\nb", "a/b", "a:b", "a@b", "a[b", "a`b", "a{b", "\u00e9", ".a", "a.", "a..b", "AWS.x", "aws.x", "Amazon.x", "aMaZoN.", strings.Repeat("a", 257),
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

// Text is looked at eight bytes at a time: every character counts at each place in them,
// also behind others that do not.
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

func TestTraceHeaderIsThatOfW3CWhereThereIsNoneOfXRay(t *testing.T) {
	t.Parallel()
	s := &service{}
	p := s.publisher(t)
	const parent, want = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled="
	xray := "Root=1-5759e988-bd862e3fe1be46a994272793"
	for _, c := range []struct {
		headers taskhawk.Headers
		want    string
	}{
		{taskhawk.Headers{"traceparent": parent + "01"}, want + "1"},
		{taskhawk.Headers{"Traceparent": parent + "02"}, want + "0"},
		{taskhawk.Headers{"traceparent": parent + "03-more"}, want + "1"},
		{taskhawk.Headers{"traceparent": parent + "01", "x-amzn-trace-id": xray}, xray},
		{taskhawk.Headers{"traceparent": parent + "01", "x-amzn-trace-id": "Root=2"}, want + "1"},
		{taskhawk.Headers{"traceparent": parent}, ""},
		{taskhawk.Headers{"traceparent": parent + "0g"}, ""},
		{taskhawk.Headers{"traceparent": "00-4bf92f35-00f067aa0ba902b7-01"}, ""},
		{taskhawk.Headers{"traceparent": "x"}, ""},
		{nil, ""},
	} {
		out := &taskhawk.Outgoing{Body: "x", Priority: taskhawk.High, Headers: c.headers}
		require.NoError(t, p.Publish(t.Context(), out))
		require.Equal(t, c.want, s.sent[len(s.sent)-1].Trace, "%q", c.headers)
	}
}

func TestTraceHeader(t *testing.T) {
	t.Parallel()
	s := &service{}
	p := s.publisher(t)
	const root = "Root=1-5759e988-bd862e3fe1be46a994272793"
	values := map[string]bool{
		root: true, root + ";Parent=53995c3f42cd8ad8;Sampled=1": true, "Self=1-6-7;" + root + "; Sampled=0;": true,
		"": false, "Root=1": false, "Root=2" + root[6:]: false, root + "0": false, "x;" + root: false, root + ";=1": false,
		"Root=1-5759e98g-bd862e3fe1be46a994272793": false, root + ";a=\x01": false, root + ";Lineage=": false,
	}
	for value, valid := range values {
		out := &taskhawk.Outgoing{Body: "x", Priority: taskhawk.High, Headers: taskhawk.Headers{"X-Amzn-Trace-Id": value}}
		require.NoError(t, p.Publish(t.Context(), out))
		want := ""
		if valid {
			want = value
		}
		require.Equal(t, want, s.sent[len(s.sent)-1].Trace, "%q", value)
	}
}

// Equal attributes are one map, others are not.
func TestTextsAreSharedIfEqual(t *testing.T) {
	t.Parallel()
	text := func(value string) *string { return &value }
	itself := func(value *string) *string { return value }
	one := awsbatch.Texts(map[string]*string{"a": text("1"), "binary": nil}, itself, nil)
	require.Equal(t, map[string]string{"a": "1"}, one)
	shares := func(attributes map[string]*string) bool {
		texts := awsbatch.Texts(attributes, itself, one)
		for name, value := range texts {
			require.Equal(t, *attributes[name], value)
		}
		return reflect.ValueOf(texts).Pointer() == reflect.ValueOf(one).Pointer()
	}
	require.True(t, shares(map[string]*string{"a": text("1")}))
	require.True(t, shares(map[string]*string{"a": text("1"), "other": nil}))
	for _, other := range []map[string]*string{
		nil, {"a": text("2")}, {"b": text("1")}, {"a": text("1"), "b": text("1")}, {"a": nil}, {"a": text("")},
	} {
		require.False(t, shares(other))
	}
	require.NotNil(t, awsbatch.Texts(map[string]*string{}, itself, nil))
}

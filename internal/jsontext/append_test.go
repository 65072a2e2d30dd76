package jsontext_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

func TestAppendString(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", `""`},
		{"plain", `"plain"`},
		{"<a href='x'>&</a>", `"<a href='x'>&</a>"`},
		{`say "hi" \ now`, `"say \"hi\" \\ now"`},
		{"\b\f\n\r\t\x00\x1f\x7f", `"\b\f\n\r\t\u0000\u001f` + "\x7f" + `"`},
		{"日本語 ok", `"日本語 ok"`},
		{"a\u2028b\u2029c\u202a", `"a\u2028b\u2029c` + "\u202a" + `"`},
		{"\ufffd\ufffe\uffff\U0001fffe", `"` + "\ufffd" + `\ufffe\uffff` + "\U0001fffe" + `"`},
		{"12345678\"12345678\n", `"12345678\"12345678\n"`},
	} {
		got, ok := jsontext.AppendString([]byte("x"), c.in)
		require.True(t, ok, "%q", c.in)
		require.Equal(t, "x"+c.want, string(got))
	}
}

func TestAppendStringRefusesInvalidUTF8(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"\xff", "abc\x80", "12345678\xc3", "\xed\xa0\x80", "日本\xe6", "\n\xc0\xaf"} {
		got, ok := jsontext.AppendString([]byte("before"), in)
		require.False(t, ok, "%q", in)
		require.Equal(t, "before", string(got))
	}
}

// Strings are looked at in steps of up to 16 bytes: whatever is in one has to be found
// wherever it is, and nothing beyond the room may be touched.
func TestAppendStringAtEveryPlace(t *testing.T) {
	t.Parallel()
	for length := range 40 {
		plain := strings.Repeat("abcdefg", 10)[:length]
		requireAppended(t, plain)
		for at := range length {
			for _, odd := range []string{`"`, `\`, "\x00", "\x1f", "\x7f", "é", "\u2028", "\uffff", "\x80", "\xff", " ", "!", "[", "]"} {
				requireAppended(t, plain[:at]+odd+plain[at+1:])
			}
			requireAppended(t, plain[:at]+`"`+strings.Repeat("x", at)+"\\é"+plain[at:])
		}
	}
}

// requireAppended appends s to buffers with little room and with much.
func requireAppended(t *testing.T, s string) {
	t.Helper()
	want, valid := "before", utf8.ValidString(s)
	if valid {
		want += encodingJSON(t, s)
	}
	for _, room := range []int{0, 2, 9, 10, 40} {
		buffer := bytes.Repeat([]byte{0xA5}, len("before")+len(s)+room+16)
		end := len(buffer) - 16
		copy(buffer, "before")
		got, ok := jsontext.AppendString(buffer[:len("before"):end], s)
		require.Equal(t, valid, ok, "%q", s)
		require.Equal(t, want, string(got), "%q", s)
		require.Equal(t, bytes.Repeat([]byte{0xA5}, 16), buffer[end:], "%q wrote behind its room", s)
	}
}

func TestAppendStringAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 256)
	allocs := testing.AllocsPerRun(100, func() {
		dst, _ = jsontext.AppendString(dst[:0], "The quick brown fox\njumps over 日本語\u2028")
	})
	require.Zero(t, allocs)
}

// encodingJSON writes s as encoding/json does, then escapes the two characters that SQS
// refuses.
func encodingJSON(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	require.NoError(t, e.Encode(s))
	return strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`).Replace(strings.TrimSuffix(b.String(), "\n"))
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "a\"b\\c\n", "日本語\u2028\ufffe", "\xff", "12345678\x1f90\x80", "\U0001f600é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := jsontext.AppendString(nil, s)
		require.Equal(t, utf8.ValidString(s), ok)
		if !ok {
			require.Empty(t, got)
			return
		}
		require.Equal(t, encodingJSON(t, s), string(got))
		back, end, err := jsontext.ReadString(string(got), 0)
		require.NoError(t, err)
		require.Equal(t, len(got), end)
		require.Equal(t, s, back)
	})
}

func TestAppendCompact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{" { \"a b\" : [ 1 , true ] }\n", `{"a b":[1,true]}`},
		{`"a\n\u00e9<>"`, `"a\n\u00e9<>"`},
		{"\"\u2028\ufffd\ufffe\uffff\U0001fffe\"", "\"\u2028\ufffd\\ufffe\\uffff\U0001fffe\""},
		{"-1.50E+3", "-1.50E+3"},
	} {
		got, err := jsontext.AppendCompact([]byte("x"), c.in)
		require.NoError(t, err)
		require.Equal(t, "x"+c.want, string(got))
	}
}

func TestAppendCompactErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", "unexpected end, want a value at offset 0"},
		{"[1", "unexpected end, want ',' or ']' at offset 2"},
		{"1 2", "unexpected '2', want the end at offset 2"},
		{"\"\xff\"", "invalid UTF-8"},
	} {
		got, err := jsontext.AppendCompact([]byte("x"), c.in)
		require.EqualError(t, err, c.want)
		require.Equal(t, "x", string(got))
	}
}

func FuzzAppendCompact(f *testing.F) {
	for _, s := range []string{`{"a" : [1, "x y"]}`, "\"\ufffe\"", " null ", `[1 ,]`, "\"\xef\xbf\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := jsontext.AppendCompact(nil, s)
		require.Equal(t, json.Valid([]byte(s)) && utf8.ValidString(s), err == nil, err)
		if err != nil {
			return
		}
		var want bytes.Buffer
		require.NoError(t, json.Compact(&want, []byte(s)))
		require.Equal(t, strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`).Replace(want.String()), string(got))
	})
}

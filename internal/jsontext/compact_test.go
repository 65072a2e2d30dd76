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

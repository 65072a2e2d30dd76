package jsontext_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

func TestReadString(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, want, rest string
	}{
		{`""`, "", ""},
		{`"plain", 1`, "plain", ", 1"},
		{`"日本語"x`, "日本語", "x"},
		{`"a\"b\\c\/d\b\f\n\r\t"`, "a\"b\\c/d\b\f\n\r\t", ""},
		{`"\u00e9\u65E5\u0000"`, "é日\x00", ""},
		{`"\ud83d\ude00!"`, "😀!", ""},
		{`"\ud83d"`, "\ufffd", ""},
		{`"\ud83d\u0041"`, "\ufffdA", ""},
		{`"\ude00\ud83d\ude00"`, "\ufffd😀", ""},
		{`"\ud83dx\ude00"`, "\ufffdx\ufffd", ""},
		{"\"a\xffb\xe6\"", "a\ufffdb\ufffd", ""},
		{"\"a\xffb\\n\"", "a\ufffdb\n", ""},
		{"\"\x7f\"", "\x7f", ""},
	} {
		got, end, err := jsontext.ReadString("pad"+c.in, 3)
		require.NoError(t, err, c.in)
		require.Equal(t, c.want, got, c.in)
		require.Equal(t, c.rest, c.in[end-3:], c.in)
		skipped, err := jsontext.SkipString("pad"+c.in, 3)
		require.NoError(t, err, c.in)
		require.Equal(t, end, skipped, c.in)
	}
}

func TestReadStringErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{``, `unexpected end, want a string at offset 0`},
		{`x"`, `unexpected 'x', want a string at offset 0`},
		{`"abc`, `unexpected end, want '"' at offset 4`},
		{"\"12345678\n\"", `raw control character '\n' in a string at offset 9`},
		{`"\x41"`, `unexpected 'x', want an escape at offset 2`},
		{`"\'"`, `unexpected '\'', want an escape at offset 2`},
		{`"\`, `unexpected end, want an escape at offset 2`},
		{`"\u12g4"`, `unexpected 'g', want a hexadecimal digit at offset 5`},
		{`"\u12`, `unexpected end, want a hexadecimal digit at offset 5`},
		{"\xff", `unexpected byte 0xff, want a string at offset 0`},
	} {
		_, _, err := jsontext.ReadString(c.in, 0)
		var syntax *jsontext.SyntaxError
		require.ErrorAs(t, err, &syntax, "%q", c.in)
		require.EqualError(t, err, c.want)
		_, err = jsontext.SkipString(c.in, 0)
		require.EqualError(t, err, c.want)
	}
}

func TestReadStringAtEveryPlace(t *testing.T) {
	t.Parallel()
	for length := range 40 {
		plain := strings.Repeat("abcdefg", 10)[:length]
		for at := range length + 1 {
			for _, odd := range []string{"", `\"`, `\\`, `\n`, "é", "\x7f", "\xff", `\u00e9\ud800`} {
				in := `"` + plain[:at] + odd + plain[at:] + `"`
				var want string
				require.NoError(t, json.Unmarshal([]byte(in), &want))
				got, end, err := jsontext.ReadString("x"+in+`,"12345678901234567890"`, 1)
				require.NoError(t, err, in)
				require.Equal(t, want, got, in)
				require.Equal(t, 1+len(in), end, in)
			}
			for _, bad := range []string{"\x00", "\x1f", "\n", `\x`} {
				_, _, err := jsontext.ReadString(`"`+plain[:at]+bad+plain[at:]+`"`, 0)
				require.Error(t, err, "%q", bad)
			}
			_, _, err := jsontext.ReadString(`"`+plain[:at], 0)
			require.EqualError(t, err, fmt.Sprintf("unexpected end, want '\"' at offset %d", 1+at))
		}
	}
}

func TestReadStringAllocatesNothingWithoutEscapes(t *testing.T) {
	in := `"The quick brown fox jumps over 日本語"`
	allocs := testing.AllocsPerRun(100, func() { _, _, _ = jsontext.ReadString(in, 0) })
	require.Zero(t, allocs)
}

func FuzzReadString(f *testing.F) {
	for _, s := range []string{`""`, `"plain"`, `"a\"\u00e9\ud83d\ude00"`, `"\ud83d\u0041"`, "\"\xff\"", "\"\n\"", `"\u12`, `"12345678\t12345678"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" || s[0] != '"' {
			s = `"` + s
		}
		got, end, err := jsontext.ReadString(s, 0)
		if err != nil {
			require.False(t, json.Valid([]byte(s)))
			return
		}
		var want string
		require.NoError(t, json.Unmarshal([]byte(s[:end]), &want))
		require.Equal(t, want, got)
	})
}

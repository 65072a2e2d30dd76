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

func TestSkipSpace(t *testing.T) {
	t.Parallel()
	require.Equal(t, 5, jsontext.SkipSpace("a \t\r\nb", 1))
	require.Equal(t, 0, jsontext.SkipSpace("a ", 0))
	require.Equal(t, 2, jsontext.SkipSpace("a ", 1))
	require.Equal(t, 2, jsontext.SkipSpace("a ", 2))
	require.Equal(t, 0, jsontext.SkipSpace("\u00a0", 0), "only the four of RFC 8259")
}

func TestSkipValue(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		`null`, `true`, `false`, `0`, `-0`, `12.50`, `1e5`, `1E+05`, `-1.5e-300`, strings.Repeat("9", 300), `""`, `"a\n"`,
		`[]`, `{}`, `[ ]`, `{ }`, `[1, 2 , "x"]`, `{"a":1,"b":[{}]}`, "{ \"a\" : [ 1 ] ,\n\"a\":null\t}", "\"\xff\"",
		strings.Repeat("[", 200) + strings.Repeat("]", 200), strings.Repeat(`{"a":[`, 99) + "1" + strings.Repeat(`]}`, 99),
	} {
		end, err := jsontext.SkipValue("  "+in+" ]", 2)
		require.NoError(t, err, in)
		require.Equal(t, 2+len(in), end, in)
		require.True(t, json.Valid([]byte(in)), in)
	}
}

func TestSkipValueErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{``, `unexpected end, want a value at offset 0`},
		{`]`, `unexpected ']', want a value at offset 0`},
		{`NaN`, `unexpected 'N', want a value at offset 0`},
		{`nul`, `unexpected end, want null at offset 3`},
		{`trux`, `unexpected 'x', want true at offset 3`},
		{`-`, `unexpected end, want a digit at offset 1`},
		{`+1`, `unexpected '+', want a value at offset 0`},
		{`.5`, `unexpected '.', want a value at offset 0`},
		{`[1.]`, `unexpected ']', want a digit at offset 3`},
		{`1e`, `unexpected end, want a digit at offset 2`},
		{`[01]`, `unexpected '1', want ',' or ']' at offset 2`},
		{`[1,]`, `unexpected ']', want a value at offset 3`},
		{`[1 2]`, `unexpected '2', want ',' or ']' at offset 3`},
		{`[`, `unexpected end, want a value at offset 1`},
		{`[1}`, `unexpected '}', want ',' or ']' at offset 2`},
		{`{`, `unexpected end, want a string at offset 1`},
		{`{1:2}`, `unexpected '1', want a string at offset 1`},
		{`{"a"}`, `unexpected '}', want ':' at offset 4`},
		{`{"a":1,}`, `unexpected '}', want a string at offset 7`},
		{`{"a":1]`, `unexpected ']', want ',' or '}' at offset 6`},
		{strings.Repeat("[", 10_001), `nested too deeply at offset 10000`},
	} {
		_, err := jsontext.SkipValue(c.in, 0)
		require.EqualError(t, err, c.want, "%.20q", c.in)
		var syntax *jsontext.SyntaxError
		require.ErrorAs(t, err, &syntax)
	}
}

func TestSkipValueDepthIsThatOfEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{63, 64, 65, 128, 129, 9_999, 10_000, 10_001} {
		for _, in := range []string{
			strings.Repeat("[", depth) + strings.Repeat("]", depth),
			strings.Repeat(`{"k":`, depth-1) + "{}" + strings.Repeat("}", depth-1),
			strings.Repeat(`[[],`, depth-1) + "[]" + strings.Repeat(" , 1 ]", depth-1),
		} {
			_, err := jsontext.SkipValue(in, 0)
			require.Equal(t, json.Valid([]byte(in)), err == nil, "depth %d: %v", depth, err)
		}
	}
}

func TestSkipValueAllocatesNothing(t *testing.T) {
	in := `{"a":[1,2.5,"x\n",null,true,{"b":[` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `]}]}`
	allocs := testing.AllocsPerRun(100, func() { _, _ = jsontext.SkipValue(in, 0) })
	require.Zero(t, allocs)
}

func FuzzSkipValue(f *testing.F) {
	for _, s := range []string{`null`, `[1,{"a":"b\n"}, -1.5e3]`, `{"a":1,}`, `01`, `"\ud800"`, `[[[[]]]]`, "\"\x01\"", `{"":{"":[]}} `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		start := jsontext.SkipSpace(s, 0)
		end, err := jsontext.SkipValue(s, start)
		if err != nil {
			require.False(t, json.Valid([]byte(s)), err)
			return
		}
		require.True(t, json.Valid([]byte(s[start:end])))
		require.Equal(t, json.Valid([]byte(s)), jsontext.SkipSpace(s, end) == len(s))
	})
}

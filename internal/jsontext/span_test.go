package jsontext_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

func TestSpanContainer(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		`[]`, `{}`, `[[],{}]`, `{"a":[1,2,{"b":"}]"}]}`, `["\"]", "\\"]`, `["12345678\"]\\\\\"", 1]`, `["1234567"]`, "[\"\x01 ]\"]", `["]]]]]]]]]]]]]]]"]`,
		strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
	} {
		end, err := jsontext.SpanContainer("x "+in+" ] }", 2)
		require.NoError(t, err, in)
		require.Equal(t, 2+len(in), end, in)
	}
}

// A long text is looked at in blocks: whatever ends or does not end a string has to be
// understood on both sides of their borders.
func TestSpanContainerAtEveryPlace(t *testing.T) {
	t.Parallel()
	for length := range 150 {
		filler := strings.Repeat("x", length)
		for _, in := range []string{
			`["` + filler + `"]`, `["` + filler + `\"]"]`, `["` + filler + `\\"]`, `["` + filler + `\\\"]}"]`, `["` + strings.Repeat(`\\`, length) + `"]`,
			`["` + strings.Repeat(`\"`, length) + `]"]`, `{"` + filler + `":[{"a":"}]"},[]]}`, strings.Repeat("[", length+1) + strings.Repeat("]", length+1),
			`[` + strings.Repeat("[],{},", length) + `"é[{"]`, `[` + strings.Repeat(" ", length) + `]`,
		} {
			want, err := jsontext.SkipValue(in, 0)
			require.NoError(t, err, in)
			require.Len(t, in, want)
			for _, behind := range []string{"", " ", `"\`, `,"kwargs":{}}`, strings.Repeat(`]}"`, 40)} {
				end, err := jsontext.SpanContainer("x"+in+behind, 1)
				require.NoError(t, err, in)
				require.Equal(t, 1+want, end, in)
			}
			_, err = jsontext.SpanContainer(in[:len(in)-1], 0)
			require.EqualError(t, err, fmt.Sprintf("unexpected end, want the end of an array or object at offset %d", len(in)-1))
		}
	}
}

func TestSpanContainerErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		``: `unexpected end, want an array or object at offset 0`, `1`: `unexpected '1', want an array or object at offset 0`,
		`]`: `unexpected ']', want an array or object at offset 0`, `[`: `unexpected end, want the end of an array or object at offset 1`,
		`["]`: `unexpected end, want the end of an array or object at offset 3`, `["\`: `unexpected end, want the end of an array or object at offset 3`,
		`["12345678\"]`: `unexpected end, want the end of an array or object at offset 13`, `{"a":[}`: `unexpected end, want the end of an array or object at offset 7`,
	} {
		_, err := jsontext.SpanContainer(in, 0)
		require.EqualError(t, err, want, in)
	}
}

func FuzzSpanContainer(f *testing.F) {
	for _, s := range []string{`[1,{"a":"b]\\"}]x`, `{"a":1}`, `["\""]`, `[`, `["12345678\\\"]"]`, `["` + strings.Repeat(`0123\\\"[`, 20) + `"]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		end, err := jsontext.SpanContainer(s, 0)
		if err != nil {
			require.False(t, json.Valid([]byte(s)) && (s[0] == '{' || s[0] == '['), err)
			return
		}
		if want, bad := jsontext.SkipValue(s, 0); bad == nil {
			require.Equal(t, want, end)
		}
	})
}

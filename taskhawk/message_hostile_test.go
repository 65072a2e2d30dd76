package taskhawk_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestParseMessageRefusesWhatIsNoObject(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty": "", "space": " \n", "null": "null", "list": "[]", "text": `"x"`, "number": "1", "word": "hello",
		"BOM": "\ufeff" + plainBody, "NUL": "\x00" + plainBody,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireRefused(t, body, "", "the body is not a JSON object")
		})
	}
	requireRefused(t, "{}", "id", "is missing")
}

func TestParseMessageRefusesTrailingBytes(t *testing.T) {
	t.Parallel()
	for _, trailing := range []string{"x", "{}", ",", "}", "\x00", "\ufeff", plainBody} {
		requireRefused(t, plainBody+trailing, "", "something follows the JSON object")
	}
}

func TestParseMessageRefusesEveryTruncation(t *testing.T) {
	t.Parallel()
	for end := range len(plainBody) {
		_, err := taskhawk.ParseMessage(plainBody[:end])
		var refused *taskhawk.MessageError
		require.ErrorAs(t, err, &refused, "cut off after %d bytes", end)
	}
}

func TestParseMessageRefusesWhatIsNotJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ part, by string }{
		"NaN":               {`["a@b.c"]`, `[NaN]`},
		"Infinity":          {`["a@b.c"]`, `[-Infinity]`},
		"leading zero":      {`1460868253255`, `01`},
		"plus":              {`1460868253255`, `+1`},
		"no digits":         {`1460868253255`, `-`},
		"hexadecimal":       {`1460868253255`, `0x1`},
		"trailing comma":    {`["a@b.c"]`, `["a@b.c",]`},
		"no comma":          {`"task"`, `"x":1 "task"`},
		"no colon":          {`"task":`, `"task" `},
		"no key":            {`"task":`, `:`},
		"key without quote": {`"task"`, `task`},
		"only commas":       {`"task":`, `,"task":`},
		"raw newline":       {`"b1328174"`, "\"b1\n\""},
		"raw NUL":           {`"1234"`, "\"\x00\""},
		"bad escape":        {`"b1328174"`, `"\x41"`},
		"short escape":      {`"1234"`, `"\u12"`},
		"single quotes":     {`"b1328174"`, `'b1'`},
		"comment":           {`"task"`, `/* */"task"`},
		"bad word":          {`"high"`, `nul`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := taskhawk.ParseMessage(replaced(t, c.part, c.by))
			var refused *taskhawk.MessageError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, "is not JSON", refused.Reason)
			require.Error(t, refused.Err, "the cause")
		})
	}
}

func TestParseMessageBoundsNesting(t *testing.T) {
	t.Parallel()
	nested := func(levels int) string {
		return replaced(t, `["a@b.c"]`, strings.Repeat("[", levels)+strings.Repeat("]", levels))
	}
	msg, err := taskhawk.ParseMessage(nested(9_999))
	require.NoError(t, err)
	require.Len(t, msg.Args, 2*9_999)
	_, err = taskhawk.ParseMessage(nested(10_001))
	var refused *taskhawk.MessageError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "nested too deeply")

	_, err = taskhawk.ParseMessage(strings.Repeat(`{"metadata":`, 500_000))
	require.ErrorAs(t, err, &refused)
}

// A body as long as SQS takes costs no more than a few times its size, whatever is in it.
func TestParseMessageBoundsMemory(t *testing.T) { //nolint:paralleltest // it measures what is allocated meanwhile
	const size = 1 << 20
	for _, filling := range []string{"{},", `"\u0041",`, "1e9,", "[[]],"} {
		list := "[" + strings.Repeat(filling, size/len(filling)) + "0]"
		body := replaced(t, `["a@b.c"]`, list)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		msg, err := taskhawk.ParseMessage(body)
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		require.Len(t, msg.Args, len(list))
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size), "bytes allocated for %s", filling)
	}
}

package faults_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Text that is not valid UTF-8 is an error before any request, wherever it stands: SQS would store it changed.
func TestT39InvalidUTF8IsNotSent(t *testing.T) {
	t.Parallel()
	x := &texts{}
	inBubble(t, setup{What: "text that is not UTF-8, dispatched", Tasks: x.tasks}, func(r *rig) {
		requests := r.server.TotalRequests()
		for name, bad := range map[string]string{
			"a byte": "\xff", "cut off": "caf\xc3", "a surrogate": "\xed\xa0\x80", "overlong": "\xc0\xaf", "too high": "\xf4\x90\x80\x80",
		} {
			_, err := x.task.Dispatch(r.Context(), textArgs{Text: canaryArgument + bad})
			r.sink.failure(err)
			var argument *taskhawk.ArgumentError
			require.ErrorAs(r, err, &argument, name)
			require.Equal(r, "text", argument.Param)
			_, err = x.task.Dispatch(r.Context(), textArgs{}, taskhawk.WithHeaders(taskhawk.Headers{"token": canaryHeader + bad}))
			r.sink.failure(err)
			require.ErrorIs(r, err, taskhawk.ErrHeader, name)
			_, err = x.task.Dispatch(r.Context(), textArgs{}, taskhawk.WithID(canaryArgument+bad))
			r.sink.failure(err)
			require.Error(r, err, name)
			_, err = x.task.Dispatch(r.Context(), textArgs{}, taskhawk.WithGroup(canaryArgument+bad))
			r.sink.failure(err)
			require.Error(r, err, name)
		}
		require.Equal(r, requests, r.server.TotalRequests())
		r.Check(want{})
	})
}

// odd are texts that are valid and hard: SQS refuses some of their characters in a body.
func odd() []string {
	var controls strings.Builder
	for c := range rune(0x20) {
		controls.WriteRune(c)
	}
	return []string{
		controls.String(), "\x7f\u0080\u009f", "\ufffe\uffff", "\ufeffBOM", "\U0001fffe\U0010ffff", "\u2028\u2029", "\ufffd",
		"😀 é 語 \u0301", `"\/` + "`", "<script>&amp;", "\r\n", " ", strings.Repeat("\x00", 1000),
	}
}

// Every text that is valid arrives as it was sent, in arguments and in headers, though SQS takes no control characters and no U+FFFE.
func TestT39OddTextsArriveUnchanged(t *testing.T) {
	t.Parallel()
	x := &texts{}
	inBubble(t, setup{What: "control characters, U+FFFE and the like, there and back", Tasks: x.tasks}, func(r *rig) {
		for _, text := range odd() {
			_, err := x.task.Dispatch(r.Context(), textArgs{Text: text}, taskhawk.WithHeaders(taskhawk.Headers{"odd": text}))
			require.NoError(r, err)
		}
		r.runAll()
		x.requireSeen(r, odd()...)
		r.Check(want{})
	})
}

// What others send with lone surrogates is read as U+FFFD and runs; nothing panics.
func TestT39LoneSurrogatesAreRead(t *testing.T) {
	t.Parallel()
	x := &texts{}
	inBubble(t, setup{What: "lone surrogates, received", Tasks: x.tasks}, func(r *rig) {
		for id, text := range map[string]string{
			"high": `\ud800`, "low": `\udfff`, "two-highs": `\ud800\ud800`, "cut": `\ud83d`, "swapped": `\ude00\ud83d`, "pair": `\ud83d\ude00`,
			"nul": `\u0000`, "nonchar": `\uffff`,
		} {
			r.raw(taskhawk.Default, foreign(id, `"task":"tests.text","args":["`+text+`"]`))
		}
		// The surrogates may stand in names as well, where they are no parameter.
		r.raw(taskhawk.Default, foreign("keyword", `"task":"tests.text","args":["x"],"kwargs":{"\ud800":1}`))
		w := r.start(sqsx.WorkerConfig{})
		r.drain(2 * time.Hour)
		w.stop()
		const unknown = "\ufffd"
		x.requireSeen(r, unknown, unknown, unknown+unknown, unknown, unknown+unknown, "😀", "\x00", "\uffff")
		require.Equal(r, 8, r.server.Ledger().Count(sqstest.Succeeded))
		r.Check(want{Dead: 1, Stranded: 1})
	})
}

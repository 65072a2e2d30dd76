package taskhawk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// logged runs a delivery on a hub that logs at every level, and returns its log line,
// which must be just one.
func logged(t *testing.T, d *taskhawk.Delivery, tasks ...taskhawk.AnyTask) map[string]any {
	t.Helper()
	logger, text := newLog()
	_ = newHub(t, taskhawk.Config{Logger: logger, Tasks: tasks}).Handle(t.Context(), d)
	require.Equal(t, 1, strings.Count(text.String(), "\n"), "one line a delivery: %s", text)
	var line map[string]any
	require.NoError(t, json.Unmarshal(text.Bytes(), &line))
	delete(line, "time")
	return line
}

// returning is a task that returns err.
func returning(err error) taskhawk.AnyTask {
	return taskhawk.New("t", func(context.Context, struct{}) error { return err })
}

func TestHandleLogsOneLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err                     error
		level, msg, outcome, as string
	}{
		{nil, "DEBUG", "task done", "delete", ""},
		{errDown, "ERROR", "task failed; will be retried", "retry", "the service is down"},
		{taskhawk.Retry(errDown), "DEBUG", "task failed; will be retried", "retry", "retry: the service is down"},
		{taskhawk.RetryAfter(9, errDown), "DEBUG", "task failed; will be retried", "retry", "retry: the service is down"},
		{taskhawk.Ignore(errDown), "DEBUG", "task failed; ignored", "delete", "ignore: the service is down"},
		{taskhawk.Permanent(errDown), "ERROR", "task failed for good", "dead letter", "permanent: the service is down"},
	} {
		line := logged(t, delivery("t", ""), returning(c.err))
		require.GreaterOrEqual(t, line["duration_ms"], 0.0)
		delete(line, "duration_ms")
		want := map[string]any{
			"level": c.level, "msg": c.msg, "outcome": c.outcome, "task": "t", "id": "i1",
			"message_id": "m1", "queue": "q1", "attempt": 3.0,
		}
		if c.as != "" {
			want["error"] = c.as
		}
		require.Equal(t, want, line)
	}
}

func TestHandleLogsTheStackOfAPanic(t *testing.T) {
	t.Parallel()
	line := logged(t, delivery("t", ""), taskhawk.New("t", func(context.Context, struct{}) error {
		failByName(func() { panic("x") })
		return nil
	}))
	require.Equal(t, "ERROR", line["level"])
	require.Equal(t, "panic (string)", line["error"])
	require.Contains(t, line["stack"], "failByName")
}

func TestHandleLogsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	line := logged(t, &taskhawk.Delivery{Body: "{}", MessageID: "m1", Queue: "q1"})
	require.Equal(t, "ERROR", line["level"])
	require.Equal(t, "not a taskhawk message: id is missing", line["error"])
	require.NotContains(t, line, "task")
}

func TestLogsClipNamesFromTheWire(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 10_000)
	d := delivery(long+`\r\nlevel=INFO`, "")
	d.Body = strings.Replace(d.Body, `"i1"`, `"`+long+`"`, 1)
	d.MessageID = long
	line := logged(t, d)
	clipped := long[:64] + "..."
	require.Equal(t, clipped, line["task"])
	require.Equal(t, clipped, line["id"])
	require.Equal(t, clipped, line["message_id"])
	require.Equal(t, `unknown task "`+clipped+`"`, line["error"])

	require.Equal(t, long[:64], logged(t, delivery(long[:64], ""))["task"], "no longer than that")

	var text bytes.Buffer
	hub := newHub(t, taskhawk.Config{Logger: slog.New(slog.NewTextHandler(&text, nil))})
	require.Error(t, hub.Handle(t.Context(), delivery(`a\r\nb`, "")))
	require.Equal(t, 1, strings.Count(text.String(), "\n"), "no raw line break from outside")
}

func TestHandleLogsHowLongATaskTook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		line := logged(t, delivery("t", ""), taskhawk.New("t", func(context.Context, struct{}) error {
			time.Sleep(1500 * time.Millisecond)
			return nil
		}))
		require.Equal(t, 1500.0, line["duration_ms"]) //nolint:testifylint // exact on virtual time
	})
}

// A stop that cuts a handler off is no failure of the task. Other outcomes of a cut-off
// handler are logged as usual.
func TestHandleLogsWhatAStopCutOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		handle     func() error
		level, msg string
	}{
		{func() error { return errDown }, "INFO", "task cut off by a stop; will be delivered again"},
		{func() error { return nil }, "DEBUG", "task done"},
		{func() error { return taskhawk.Permanent(errDown) }, "ERROR", "task failed for good"},
		{func() error { panic("x") }, "ERROR", "task failed; will be retried"},
	} {
		logger, text := newLog()
		task := taskhawk.New("t", func(context.Context, struct{}) error { return c.handle() })
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(taskhawk.ErrStopping)
		_ = newHub(t, taskhawk.Config{Logger: logger, Tasks: []taskhawk.AnyTask{task}}).Handle(ctx, delivery("t", ""))
		require.Contains(t, text.String(), `"level":"`+c.level+`","msg":"`+c.msg+`"`)
	}
}

func TestHandleIsSilentWhereNobodyListens(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	hub := newHub(t, taskhawk.Config{
		Logger: slog.New(slog.NewTextHandler(&text, nil)), Tasks: []taskhawk.AnyTask{returning(taskhawk.Ignore(errDown))},
	})
	require.Error(t, hub.Handle(t.Context(), delivery("t", "")))
	require.Empty(t, text.String(), "expected failures do not show at the default level")
}

// A handler that has succeeded must not run again because its log line failed.
func TestHandleOutlivesAPanickingLogger(t *testing.T) {
	t.Parallel()
	hub := newHub(t, taskhawk.Config{Logger: slog.New(panickingHandler{}), Tasks: []taskhawk.AnyTask{returning(nil)}})
	require.NoError(t, hub.Handle(t.Context(), delivery("t", "")))
	require.ErrorIs(t, hub.Handle(t.Context(), delivery("nope", "")), taskhawk.ErrUnknownTask)
}

// textless is an error that panics when it is asked for its text, as methods of a nil
// pointer do.
type textless struct{ text *string }

func (e textless) Error() string { return *e.text }

func TestHandleOutlivesAnErrorWithoutAText(t *testing.T) {
	t.Parallel()
	logger, text := newLog()
	hub := newHub(t, taskhawk.Config{Logger: logger, Tasks: []taskhawk.AnyTask{returning(textless{})}})
	err := hub.Handle(t.Context(), delivery("t", ""))
	require.ErrorAs(t, err, new(textless))
	require.EqualError(t, err, "taskhawk_test.textless: its Error method panicked")
	require.Contains(t, text.String(), `"error":"taskhawk_test.textless: its Error method panicked"`)
}

// A typed nil is the mistake that most Go programmers have made once.
func TestOutcomeOfAnErrorWhoseMethodsPanic(t *testing.T) {
	t.Parallel()
	var broken *fs.PathError
	wrapped := fmt.Errorf("read: %w", error(broken))
	for name, c := range map[string]struct {
		err    error
		action taskhawk.Action
	}{
		"bare":                       {broken, taskhawk.ActionRetry},
		"wrapped":                    {wrapped, taskhawk.ActionRetry},
		"permanent":                  {taskhawk.Permanent(broken), taskhawk.ActionDeadLetter},
		"permanent, wrapped":         {fmt.Errorf("x: %w", taskhawk.Permanent(wrapped)), taskhawk.ActionDeadLetter},
		"ignored":                    {taskhawk.Ignore(broken), taskhawk.ActionDelete},
		"joined before a decision":   {errors.Join(broken, taskhawk.Permanent(errDown)), taskhawk.ActionDeadLetter},
		"joined behind a decision":   {errors.Join(taskhawk.RetryAfter(1, errDown), broken), taskhawk.ActionRetry},
		"ends its goroutine":         {exiting{}, taskhawk.ActionRetry},
		"permanent, ends its own":    {taskhawk.Permanent(exiting{}), taskhawk.ActionDeadLetter},
		"a panic's value is such an": {&taskhawk.PanicError{Value: broken}, taskhawk.ActionRetry},
	} {
		require.Equal(t, c.action, taskhawk.OutcomeOf(c.err).Action, name)
		line := logged(t, delivery("t", ""), returning(c.err))
		require.Equal(t, c.action.String(), line["outcome"], name)
		require.Regexp(t, `^(permanent: |ignore: )?(panic \(\*fs.PathError\)|read: <nil>|x: permanent: read: <nil>)?`+
			`( ?\(?(\*fs.PathError|taskhawk_test.exiting): its (Error|Unwrap) method (panicked|ended its goroutine)\)?)?$`, line["error"], name)
		require.Regexp(t, `PathError|exiting`, line["error"], name)
	}
}

// exiting is an error that ends the goroutine of its caller, as a test's does that calls
// t.FailNow.
type exiting struct{}

func (exiting) Error() string {
	runtime.Goexit()
	return ""
}

func TestHandleLogsTheStackOfAPanicWithABrokenError(t *testing.T) {
	t.Parallel()
	line := logged(t, delivery("t", ""), taskhawk.New("t", func(context.Context, struct{}) error {
		var broken *fs.PathError
		failByName(func() { panic(broken) })
		return nil
	}))
	require.Contains(t, line["stack"], "failByName")
	require.Contains(t, line["error"], "panic (*fs.PathError)")
}

func TestUnreadableMessagesShareALine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logger, text := newLog()
		hub := newHub(t, taskhawk.Config{Logger: logger})
		for range 1000 {
			require.Error(t, hub.Handle(t.Context(), &taskhawk.Delivery{Body: "{}"}))
			require.Error(t, hub.Handle(t.Context(), &taskhawk.Delivery{Body: "[]"}))
		}
		require.Equal(t, 2, strings.Count(text.String(), "\n"), "one for each kind")
		time.Sleep(time.Second)
		require.Error(t, hub.Handle(t.Context(), &taskhawk.Delivery{Body: "{}"}))
		require.Contains(t, text.String(), `"left_out":999`)
	})
}

func TestLongErrorsAreCutInLines(t *testing.T) {
	t.Parallel()
	line := logged(t, delivery("t", ""), returning(errors.New(strings.Repeat("x", 2<<20))))
	require.Equal(t, strings.Repeat("x", 1024)+"...", line["error"])
}

func TestNoErrorForgesALine(t *testing.T) {
	t.Parallel()
	line := logged(t, delivery("t", ""), returning(errors.New("a\nb\u009bc\u2028d\x7fe\x1b[31m\xff\u202ef")))
	require.Equal(t, `a\nb\u009bc\u2028d\x7fe\x1b[31m\xff\u202ef`, line["error"])
	stopped := (&taskhawk.StopError{Tasks: []string{"a\nlevel=INFO \u2028", "b"}}).Error()
	require.Contains(t, stopped, `["a\nlevel=INFO \u2028" b]`)
}

func TestAddLogAttrs(t *testing.T) {
	t.Parallel()
	logger, text := newLog()
	requestID := func(next taskhawk.Handler) taskhawk.Handler {
		return func(ctx context.Context, msg *taskhawk.Message) error {
			taskhawk.AddLogAttrs(ctx, slog.Int("n", 1), slog.String("request_id", "r1"))
			ctx = taskhawk.ContextWithHub(ctx, taskhawk.HubFrom(ctx))
			taskhawk.AddLogAttrs(ctx, slog.Int("n", 2))
			return next(ctx, msg)
		}
	}
	hub := newHub(t, taskhawk.Config{
		Logger: logger, Middleware: []taskhawk.Middleware{requestID}, Tasks: []taskhawk.AnyTask{returning(errDown)},
	})
	taskhawk.AddLogAttrs(t.Context(), slog.String("request_id", "outside")) // does nothing
	require.ErrorIs(t, hub.Handle(t.Context(), delivery("t", "")), errDown)
	require.Equal(t, 1, strings.Count(text.String(), `"request_id":"r1"`), "%s", text)
	require.Equal(t, 1, strings.Count(text.String(), `"n":2`), "%s", text)
	require.NotContains(t, text.String(), `"n":1`)
}

// The transport's line about a delivery has them too.
func TestAddLogAttrsReachesTheTransport(t *testing.T) {
	t.Parallel()
	d := delivery("t", "")
	d.LogAttrs = new(taskhawk.LogAttrs)
	task := taskhawk.New("t", func(ctx context.Context, _ struct{}) error {
		taskhawk.AddLogAttrs(ctx, slog.String("request_id", "r1"))
		return nil
	})
	line := logged(t, d, task)
	require.Equal(t, "r1", line["request_id"])
	logger, text := newLog()
	logger.Info("m", "", d)
	require.Contains(t, text.String(), `"msg":"m","task":"t","id":"i1","message_id":"m1","queue":"q1","attempt":3,"request_id":"r1"}`)
}

func TestLogValuesShowNoSecrets(t *testing.T) {
	t.Parallel()
	headers := taskhawk.Headers{"h": "canary"}
	for want, value := range map[string]any{
		`{"id":"i","task":"t","priority":"high","attempt":2,"queue":"q"}`: taskhawk.Metadata{
			ID: "i", Task: "t", Priority: taskhawk.High, Headers: headers, Attempt: 2, Queue: "q", Receipt: "canary",
		},
		`{"id":"i","task":"t","priority":"bulk"}`: taskhawk.Outgoing{
			ID: "i", Task: "t", Priority: taskhawk.Bulk, Headers: headers, Body: "canary", Group: "canary",
		},
		`{"message_id":"m","queue":"q","attempt":2}`: taskhawk.Delivery{
			MessageID: "m", Queue: "q", Attempt: 2, Body: "canary", Receipt: "canary", Attributes: headers,
		},
		`{"id":"i","task":"t","priority":"low"}`: taskhawk.Message{
			ID: "i", Task: "t", Priority: taskhawk.Low, Headers: headers, Args: "canary", Kwargs: "canary",
		},
	} {
		logger, text := newLog()
		logger.Info("m", "value", value, "pointer", pointerTo(value))
		require.NotContains(t, text.String(), "canary")
		var line struct{ Value, Pointer json.RawMessage }
		require.NoError(t, json.Unmarshal(text.Bytes(), &line))
		require.JSONEq(t, want, string(line.Value), "%T", value)
		require.JSONEq(t, want, string(line.Pointer), "*%T", value)
	}
}

func pointerTo(value any) any {
	switch v := value.(type) {
	case taskhawk.Outgoing:
		return &v
	case taskhawk.Delivery:
		return &v
	case taskhawk.Message:
		return &v
	}
	return value
}

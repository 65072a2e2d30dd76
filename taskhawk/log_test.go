package taskhawk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// logged runs a delivery on a hub that logs at every level, and returns its log line, which must be just one.
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
		{errDown, "ERROR", "task failed, will be retried", "retry", "the service is down"},
		{taskhawk.Retry(errDown), "DEBUG", "task failed, will be retried", "retry", "retry: the service is down"},
		{taskhawk.RetryAfter(9, errDown), "DEBUG", "task failed, will be retried", "retry", "retry: the service is down"},
		{taskhawk.Ignore(errDown), "DEBUG", "task failed, ignored", "delete", "ignore: the service is down"},
		{taskhawk.Permanent(errDown), "ERROR", "task failed for good", "dead letter", "permanent: the service is down"},
	} {
		line := logged(t, delivery("t", ""), returning(c.err))
		require.GreaterOrEqual(t, line["took"], 0.0)
		delete(line, "took")
		want := map[string]any{
			"level": c.level, "msg": c.msg, "outcome": c.outcome, "task": "t", "id": "i1",
			"delivery": map[string]any{"message_id": "m1", "queue": "q1", "attempt": 3.0},
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
	require.Equal(t, clipped, line["delivery"].(map[string]any)["message_id"])
	require.Equal(t, `unknown task "`+clipped+`"`, line["error"])

	var text bytes.Buffer
	hub := newHub(t, taskhawk.Config{Logger: slog.New(slog.NewTextHandler(&text, nil))})
	require.Error(t, hub.Handle(t.Context(), delivery(`a\r\nb`, "")))
	require.Equal(t, 1, strings.Count(text.String(), "\n"), "no raw line break from outside")
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

// textless is an error that panics when it is asked for its text, as methods of a nil pointer do.
type textless struct{ text *string }

func (e textless) Error() string { return *e.text }

func TestHandleOutlivesAnErrorWithoutAText(t *testing.T) {
	t.Parallel()
	logger, _ := newLog()
	hub := newHub(t, taskhawk.Config{Logger: logger, Tasks: []taskhawk.AnyTask{returning(textless{})}})
	require.ErrorAs(t, hub.Handle(t.Context(), delivery("t", "")), new(textless))
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

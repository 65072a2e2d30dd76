package taskhawk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestHandleRunsTheTaskOfTheMessage(t *testing.T) {
	t.Parallel()
	var ran []string
	note := func(name string) func(context.Context, struct{ Text string }) error {
		return func(_ context.Context, args struct{ Text string }) error {
			ran = append(ran, name+" "+args.Text)
			return nil
		}
	}
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("tasks.a", note("a")), taskhawk.New("tasks.b", note("b")),
	}})
	require.NoError(t, hub.Handle(t.Context(), delivery("tasks.b", `"1"`)))
	require.NoError(t, hub.Handle(t.Context(), delivery("tasks.a", `"2"`)))
	require.Equal(t, []string{"b 1", "a 2"}, ran)
}

func TestHandleReturnsTheErrorOfTheHandler(t *testing.T) {
	t.Parallel()
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("t", func(context.Context, struct{}) error { return taskhawk.Permanent(errDown) }),
	}})
	err := hub.Handle(t.Context(), delivery("t", ""))
	require.ErrorIs(t, err, errDown)
	require.Equal(t, taskhawk.ActionDeadLetter, taskhawk.OutcomeOf(err).Action)
}

func TestHandleRunsNothingThatItCannotRun(t *testing.T) {
	t.Parallel()
	type checked struct {
		To string `validate:"email"`
	}
	ran := func(context.Context, checked) error { panic("the handler ran") }
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("tasks.checked", ran), taskhawk.New[checked]("tasks.sender", nil),
	}})
	for name, c := range map[string]struct {
		delivery *taskhawk.Delivery
		is       error
		as       any
		text     string
	}{
		"unreadable":        {&taskhawk.Delivery{Body: "canary"}, nil, new(*taskhawk.MessageError), "not a taskhawk message: the body is not a JSON object"},
		"empty":             {&taskhawk.Delivery{}, nil, new(*taskhawk.MessageError), "the body is not a JSON object"},
		"unknown":           {delivery("tasks.nope", ""), taskhawk.ErrUnknownTask, nil, `unknown task "tasks.nope"`},
		"unknown, long":     {delivery(strings.Repeat("n", 5000), ""), taskhawk.ErrUnknownTask, nil, `unknown task "` + strings.Repeat("n", 64) + `..."`},
		"unknown, hostile":  {delivery(`a\n\u001b[31m`, ""), taskhawk.ErrUnknownTask, nil, `unknown task "a\n\x1b[31m"`},
		"no handler":        {delivery("tasks.sender", `"a@b.c"`), taskhawk.ErrNoHandler, nil, `"tasks.sender": the task has no handler here`},
		"too many args":     {delivery("tasks.checked", `"a@b.c","canary"`), codec.ErrTooManyArgs, new(*taskhawk.ArgumentError), "arguments of tasks.checked: "},
		"wrong type":        {delivery("tasks.checked", `{"canary":1}`), codec.ErrWrongType, new(*taskhawk.ArgumentError), "args[0]"},
		"missing":           {delivery("tasks.checked", ""), codec.ErrMissing, new(*taskhawk.ArgumentError), "parameter to"},
		"invalid arguments": {delivery("tasks.checked", `"canary"`), nil, new(*taskhawk.ValidationError), "arguments of tasks.checked: To breaks email"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := hub.Handle(t.Context(), c.delivery)
			require.ErrorContains(t, err, c.text)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			if c.as != nil {
				require.ErrorAs(t, err, c.as)
			}
			require.NotContains(t, err.Error(), "canary")
			require.Equal(t, taskhawk.Outcome{Action: taskhawk.ActionRetry, Err: err}, taskhawk.OutcomeOf(err),
				"it stays on its queue, until the redrive policy moves it")
		})
	}
}

func TestMetadataIsComplete(t *testing.T) {
	t.Parallel()
	var got taskhawk.Metadata
	var raw *taskhawk.Delivery
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("t", func(ctx context.Context, _ struct{}) error {
			got, raw = taskhawk.MetadataFrom(ctx), taskhawk.DeliveryFrom(ctx)
			require.NotNil(t, taskhawk.HubFrom(ctx))
			return nil
		}),
	}})
	d := delivery("t", "")
	require.NoError(t, hub.Handle(t.Context(), d))
	require.Equal(t, taskhawk.Metadata{
		ID: "i1", Task: "t", Priority: taskhawk.Low, Headers: taskhawk.Headers{"h": "v"},
		Timestamp: time.UnixMilli(1460868253255).UTC(), Version: "1.0", Attempt: 3, Queue: "q1", MessageID: "m1", Receipt: "r1",
	}, got)
	require.Same(t, d, raw)

	d.Attempt = 0
	require.NoError(t, hub.Handle(t.Context(), d))
	require.Equal(t, 1, got.Attempt, "0 is read as 1")
}

func TestHandlersSeeTheContextOfTheCaller(t *testing.T) {
	t.Parallel()
	type key struct{}
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("t", func(ctx context.Context, _ struct{}) error {
			require.Equal(t, "value", ctx.Value(key{}))
			return ctx.Err()
		}),
	}})
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	require.NoError(t, hub.Handle(ctx, delivery("t", "")))
	cancel()
	require.ErrorIs(t, hub.Handle(ctx, delivery("t", "")), context.Canceled)
}

// handleTimed runs a handler under a timeout of a minute, in a bubble, and returns what
// Handle returned and how long it took.
func handleTimed(t *testing.T, handler func(ctx context.Context) error) (took time.Duration, err error) {
	t.Helper()
	task := taskhawk.New("t", func(ctx context.Context, _ struct{}) error { return handler(ctx) }, taskhawk.WithTimeout(time.Minute))
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task.WithPriority(taskhawk.High)}})
	start := time.Now()
	err = hub.Handle(t.Context(), delivery("t", ""))
	return time.Since(start), err
}

func TestTimeoutEndsTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		took, err := handleTimed(t, func(ctx context.Context) error {
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, time.Minute, time.Until(deadline))
			<-ctx.Done()
			require.Equal(t, context.DeadlineExceeded, ctx.Err())
			require.Equal(t, taskhawk.ErrTimeout, context.Cause(ctx))
			return ctx.Err()
		})
		require.Equal(t, time.Minute, took)
		require.ErrorIs(t, err, taskhawk.ErrTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded, "what the handler returned")
		require.EqualError(t, err, "task timeout exceeded after 1m0s: context deadline exceeded")
		require.Equal(t, taskhawk.Outcome{Action: taskhawk.ActionRetry, Err: err}, taskhawk.OutcomeOf(err))
	})
}

func TestTimeoutLeavesTheResultOfTheHandler(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		takes   time.Duration
		returns error
		late    bool
	}{
		"success in time":   {30 * time.Second, nil, false},
		"failure in time":   {30 * time.Second, errDown, false},
		"success too late":  {2 * time.Minute, nil, false},
		"failure too late":  {2 * time.Minute, errDown, true},
		"permanent in time": {time.Second, taskhawk.Permanent(errDown), false},
		"permanent, late":   {2 * time.Minute, taskhawk.Permanent(errDown), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				took, err := handleTimed(t, func(context.Context) error {
					time.Sleep(c.takes)
					return c.returns
				})
				require.Equal(t, c.takes, took, "no handler is cut off")
				require.ErrorIs(t, err, c.returns)
				require.Equal(t, c.late, err != c.returns) //nolint:errorlint // the very same error
				if c.late {
					require.ErrorIs(t, err, taskhawk.ErrTimeout)
				}
				require.Equal(t, taskhawk.OutcomeOf(c.returns).Action, taskhawk.OutcomeOf(err).Action)
			})
		})
	}
}

func TestTimeoutAndPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := handleTimed(t, func(ctx context.Context) error {
			<-ctx.Done()
			panic("late")
		})
		require.ErrorIs(t, err, taskhawk.ErrTimeout)
		var panicked *taskhawk.PanicError
		require.ErrorAs(t, err, &panicked)
		require.Equal(t, taskhawk.ActionRetry, taskhawk.OutcomeOf(err).Action)
	})
}

func TestNoTimeoutIsNoDeadline(t *testing.T) {
	t.Parallel()
	task := taskhawk.New("t", func(ctx context.Context, _ struct{}) error {
		_, ok := ctx.Deadline()
		require.False(t, ok)
		return nil
	})
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
	require.NoError(t, hub.Handle(context.WithoutCancel(t.Context()), delivery("t", "")))
}

// Another end of the context than the timeout is not reported as one.
func TestTheCallersCancelIsNoTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		task := taskhawk.New("t", func(ctx context.Context, _ struct{}) error {
			<-ctx.Done()
			return ctx.Err()
		}, taskhawk.WithTimeout(time.Minute))
		hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
		err := hub.Handle(ctx, delivery("t", ""))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, taskhawk.ErrTimeout)
	})
}

// lines are the records that a hub wrote for deliveries of the tasks.
func lines(t *testing.T, hub *taskhawk.Hub, log *bytes.Buffer, tasks ...string) []map[string]any {
	t.Helper()
	log.Reset()
	for _, task := range tasks {
		require.Error(t, hub.Handle(t.Context(), delivery(task, "")))
	}
	var records []map[string]any
	for line := range strings.Lines(log.String()) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		records = append(records, record)
	}
	return records
}

func repeat(task string, n int) []string { return strings.Fields(strings.Repeat(task+" ", n)) }

func TestUnknownTasksAreLoggedOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logger, log := newLog()
		dispatchOnly := taskhawk.New[numberArgs]("tasks.dispatched", nil)
		hub := newHub(t, taskhawk.Config{Logger: logger, Tasks: []taskhawk.AnyTask{dispatchOnly}})
		for _, task := range []string{"tasks.nope", "tasks.dispatched", strings.Repeat("n", 5000)} {
			first := lines(t, hub, log, repeat(task, 100)...)
			require.Len(t, first, 1)
			require.NotContains(t, first[0], "left_out", "no line was left out before")
		}
		time.Sleep(time.Second - time.Nanosecond)
		require.Empty(t, lines(t, hub, log, repeat("tasks.nope", 100)...))
		time.Sleep(time.Nanosecond)
		again := lines(t, hub, log, repeat("tasks.nope", 100)...)
		require.Len(t, again, 1)
		require.EqualValues(t, 199, again[0]["left_out"])
		require.Equal(t, "tasks.nope", again[0]["task"])
	})
}

func TestManyUnknownNamesShareALine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logger, log := newLog()
		hub := newHub(t, taskhawk.Config{Logger: logger})
		var flood []string
		for n := range 1_000 {
			flood = append(flood, fmt.Sprintf("tasks.%d", n))
		}
		require.Len(t, lines(t, hub, log, flood...), 257, "256 names, and one line for all others")
		time.Sleep(time.Second)
		later := lines(t, hub, log, "tasks.later", "tasks.999")
		require.Len(t, later, 2, "names that are quiet make room")
	})
}

// After a full second the first new name gets a separate line, which does not repeat it.
func TestANameThatFindsRoomHasALine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logger, log := newLog()
		hub := newHub(t, taskhawk.Config{Logger: logger})
		for n := range 256 {
			require.Len(t, lines(t, hub, log, fmt.Sprintf("tasks.%d", n)), 1)
		}
		time.Sleep(time.Second)
		require.Len(t, lines(t, hub, log, "tasks.later", "tasks.later"), 1)
	})
}

func TestNamesInTheLogAreQuotedWhereTheyMust(t *testing.T) {
	t.Parallel()
	logger, log := newLog()
	hub := newHub(t, taskhawk.Config{Logger: logger})
	for name, want := range map[string]string{
		"tasks.größe":             "tasks.größe",
		`tasks\nlevel=ERROR`:      `"tasks\nlevel=ERROR"`,
		`a\"b`:                    `"a\"b"`,
		strings.Repeat("n", 5000): strings.Repeat("n", 64) + "...",
	} {
		require.Equal(t, want, lines(t, hub, log, name)[0]["task"], name)
	}
}

func TestOtherFailuresAreAllLogged(t *testing.T) {
	t.Parallel()
	logger, log := newLog()
	task, _ := newEmail(t)
	hub := newHub(t, taskhawk.Config{Logger: logger, Tasks: []taskhawk.AnyTask{task}})
	require.Len(t, lines(t, hub, log, repeat(task.Name(), 10)...), 10, "arguments are missing")
}

// With a logger of the standard library. Other loggers are asked in a goroutine, which
// costs more.
func TestHandleAllocates(t *testing.T) {
	hub := newHub(t, taskhawk.Config{
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), //nolint:sloglint // DiscardHandler would not format
		Tasks: []taskhawk.AnyTask{
			taskhawk.New("t", func(context.Context, struct{ Text string }) error { return nil }),
		},
	})
	d := delivery("t", `"1"`)
	allocated := testing.AllocsPerRun(100, func() { _ = hub.Handle(t.Context(), d) })
	require.LessOrEqual(t, allocated, 5.0)
}

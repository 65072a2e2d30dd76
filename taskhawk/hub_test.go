package taskhawk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestNewHubRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	task := taskhawk.New[emailArgs]("tasks.send_email", nil)
	var none *taskhawk.Task[emailArgs]
	pass := func(next taskhawk.Handler) taskhawk.Handler { return next }
	for name, c := range map[string]struct {
		config taskhawk.Config
		want   string
	}{
		"a name twice": {
			taskhawk.Config{Tasks: []taskhawk.AnyTask{task, taskhawk.New[struct{}]("tasks.send_email", nil)}},
			"taskhawk: new hub: duplicate task name: tasks.send_email",
		},
		"a task and its copy": {
			taskhawk.Config{Tasks: []taskhawk.AnyTask{task, task.WithPriority(taskhawk.High)}},
			"taskhawk: new hub: duplicate task name: tasks.send_email",
		},
		"nil":           {taskhawk.Config{Tasks: []taskhawk.AnyTask{nil}}, "taskhawk: new hub: Config.Tasks has a nil task"},
		"a nil pointer": {taskhawk.Config{Tasks: []taskhawk.AnyTask{none}}, "taskhawk: new hub: Config.Tasks has a nil task"},
		"nil middleware": {
			taskhawk.Config{Middleware: []taskhawk.Middleware{pass, nil}}, "taskhawk: new hub: Config.Middleware[1] is nil",
		},
		"Sync with a publisher": {
			taskhawk.Config{Sync: true, Publisher: &fakePublisher{}},
			"taskhawk: new hub: Config has both Sync and Publisher: leave one out",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hub, err := taskhawk.NewHub(c.config)
			require.EqualError(t, err, c.want)
			require.Nil(t, hub)
		})
	}
}

func TestNewHubSaysWhichErrorADuplicateIs(t *testing.T) {
	t.Parallel()
	task := taskhawk.New[emailArgs]("tasks.send_email", nil)
	_, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task, task}})
	require.ErrorIs(t, err, taskhawk.ErrDuplicateTask)
	_, err = task.Dispatch(t.Context(), emailArgs{})
	require.ErrorIs(t, err, taskhawk.ErrNoHub, "a hub that could not be made registers nothing")
}

func TestZeroConfigIsAHub(t *testing.T) {
	t.Parallel()
	hub, err := taskhawk.NewHub(taskhawk.Config{})
	require.NoError(t, err)
	require.Empty(t, hub.TaskNames())
	require.NotNil(t, hub.Logger())
}

func TestHubTellsWhatItIsMadeOf(t *testing.T) {
	t.Parallel()
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New[struct{}]("b", nil), taskhawk.New[struct{}]("a", nil), taskhawk.New[emailArgs]("c", nil),
	}})
	names := hub.TaskNames()
	require.Equal(t, []string{"a", "b", "c"}, names)
	names[0] = "changed"
	require.Equal(t, "a", hub.TaskNames()[0])
}

func TestHubKeepsNoSliceOfTheCaller(t *testing.T) {
	t.Parallel()
	calls := 0
	middleware := []taskhawk.Middleware{func(next taskhawk.Handler) taskhawk.Handler {
		return func(ctx context.Context, msg *taskhawk.Message) error {
			calls++
			return next(ctx, msg)
		}
	}}
	tasks := []taskhawk.AnyTask{taskhawk.New("t", func(context.Context, struct{}) error { return nil })}
	hub := newHub(t, taskhawk.Config{Tasks: tasks, Middleware: middleware})
	tasks[0], middleware[0] = nil, nil
	require.NoError(t, hub.Handle(t.Context(), delivery("t", "")))
	require.Equal(t, 1, calls)
}

func TestMiddlewareWrapsTheFirstOutermost(t *testing.T) {
	t.Parallel()
	var calls []string
	folded := 0
	named := func(name string) taskhawk.Middleware {
		return func(next taskhawk.Handler) taskhawk.Handler {
			folded++
			return func(ctx context.Context, msg *taskhawk.Message) error {
				calls = append(calls, name+" before "+msg.Task+" "+msg.Args)
				err := next(ctx, msg)
				calls = append(calls, fmt.Sprintf("%s after %v", name, err))
				return err
			}
		}
	}
	hub := newHub(t, taskhawk.Config{
		Middleware: []taskhawk.Middleware{named("outer"), named("inner")},
		Tasks: []taskhawk.AnyTask{taskhawk.New("t", func(_ context.Context, args struct{ N int }) error {
			calls = append(calls, fmt.Sprint("handler ", args.N))
			return errDown
		})},
	})
	for range 2 {
		calls = nil
		require.ErrorIs(t, hub.Handle(t.Context(), delivery("t", "7")), errDown)
		require.Equal(t, []string{
			"outer before t [7]", "inner before t [7]", "handler 7", "inner after " + errDown.Error(), "outer after " + errDown.Error(),
		}, calls)
	}
	require.Equal(t, 2, folded, "each is folded once")
}

func TestMiddlewareDecides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		middleware taskhawk.Middleware
		want       taskhawk.Action
		runs       int
	}{
		{
			"short circuit", func(taskhawk.Handler) taskhawk.Handler {
				return func(context.Context, *taskhawk.Message) error { return nil }
			}, taskhawk.ActionDelete, 0,
		},
		{
			"another error", func(next taskhawk.Handler) taskhawk.Handler {
				return func(ctx context.Context, msg *taskhawk.Message) error { return taskhawk.Permanent(next(ctx, msg)) }
			}, taskhawk.ActionDeadLetter, 1,
		},
		{
			"no error", func(next taskhawk.Handler) taskhawk.Handler {
				return func(ctx context.Context, msg *taskhawk.Message) error { return taskhawk.Ignore(next(ctx, msg)) }
			}, taskhawk.ActionDelete, 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ran := 0
			task := taskhawk.New("t", func(context.Context, struct{}) error { ran++; return errDown })
			hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}, Middleware: []taskhawk.Middleware{c.middleware}})
			err := hub.Handle(t.Context(), delivery("t", ""))
			require.Equal(t, c.want, taskhawk.OutcomeOf(err).Action)
			require.Equal(t, c.runs, ran)
		})
	}
}

func TestMiddlewareSeesWhatCannotRun(t *testing.T) {
	t.Parallel()
	var seen []error
	hub := newHub(t, taskhawk.Config{
		Middleware: []taskhawk.Middleware{func(next taskhawk.Handler) taskhawk.Handler {
			return func(ctx context.Context, msg *taskhawk.Message) error {
				require.Equal(t, msg.ID, taskhawk.MetadataFrom(ctx).ID)
				err := next(ctx, msg)
				seen = append(seen, err)
				return err
			}
		}},
		Tasks: []taskhawk.AnyTask{
			taskhawk.New("panics", func(context.Context, struct{}) error { panic("canary") }),
			taskhawk.New("args", func(context.Context, struct{ N int }) error { return nil }),
		},
	})
	require.Error(t, hub.Handle(t.Context(), delivery("nope", "")))
	require.Error(t, hub.Handle(t.Context(), delivery("panics", "")))
	require.Error(t, hub.Handle(t.Context(), delivery("args", `"x"`)))
	require.Error(t, hub.Handle(t.Context(), &taskhawk.Delivery{Body: "{}"}), "middleware needs a message")
	require.Len(t, seen, 3)
	require.ErrorIs(t, seen[0], taskhawk.ErrUnknownTask)
	var panicked *taskhawk.PanicError
	require.ErrorAs(t, seen[1], &panicked, "not a panic")
	var unbound *taskhawk.ArgumentError
	require.ErrorAs(t, seen[2], &unbound)
}

func TestMiddlewareMayChangeTheMessageAndTheContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	hub := newHub(t, taskhawk.Config{
		Middleware: []taskhawk.Middleware{func(next taskhawk.Handler) taskhawk.Handler {
			return func(ctx context.Context, msg *taskhawk.Message) error {
				changed := *msg
				changed.Args = `[42]`
				return next(context.WithValue(ctx, key{}, "value"), &changed)
			}
		}},
		Tasks: []taskhawk.AnyTask{taskhawk.New("t", func(ctx context.Context, args struct{ N int }) error {
			require.Equal(t, 42, args.N)
			require.Equal(t, "value", ctx.Value(key{}))
			return nil
		})},
	})
	require.NoError(t, hub.Handle(t.Context(), delivery("t", "1")))
}

// panicHub returns a hub whose task "panics" panics with value. If inMiddleware is set,
// the middleware panics instead.
func panicHub(t *testing.T, inMiddleware bool, fail func()) *taskhawk.Hub {
	t.Helper()
	return newHub(t, taskhawk.Config{
		Middleware: []taskhawk.Middleware{func(next taskhawk.Handler) taskhawk.Handler {
			return func(ctx context.Context, msg *taskhawk.Message) error {
				if inMiddleware {
					failByName(fail)
				}
				return next(ctx, msg)
			}
		}},
		Tasks: []taskhawk.AnyTask{taskhawk.New("panics", func(context.Context, struct{}) error {
			failByName(fail)
			return nil
		})},
	})
}

// failByName is there to be found in the stack.
func failByName(fail func()) { fail() }

func TestAPanicBecomesAnError(t *testing.T) {
	t.Parallel()
	var none map[string]int
	for name, c := range map[string]struct {
		fail func()
		text string
	}{
		"text":    {func() { panic("canary") }, "panic (string)"},
		"error":   {func() { panic(fmt.Errorf("canary: %w", errDown)) }, "panic (*fmt.wrapError)"},
		"number":  {func() { panic(42) }, "panic (int)"},
		"runtime": {func() { none["canary"] = 1 }, "panic (runtime.plainError)"},
		"bounds":  {func() { _ = []int{}[len(none)] }, "panic (runtime.boundsError)"},
		"nil":     {func() { panic(nil) }, "panic (*runtime.PanicNilError)"}, //nolint:govet // the case is just that
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, inMiddleware := range []bool{false, true} {
				err := panicHub(t, inMiddleware, c.fail).Handle(t.Context(), delivery("panics", ""))
				var panicked *taskhawk.PanicError
				require.ErrorAs(t, err, &panicked)
				require.Equal(t, c.text, panicked.Error())
				require.NotContains(t, err.Error(), "canary")
				require.Contains(t, string(panicked.Stack), "failByName", "the stack of the panic itself")
				require.NotNil(t, panicked.Value)
				require.Equal(t, taskhawk.ActionRetry, taskhawk.OutcomeOf(err).Action)
			}
		})
	}
}

func TestThePanicValueIsTheCause(t *testing.T) {
	t.Parallel()
	err := panicHub(t, false, func() { panic(fmt.Errorf("wrapped: %w", errDown)) }).Handle(t.Context(), delivery("panics", ""))
	require.ErrorIs(t, err, errDown)

	var zero int
	err = panicHub(t, true, func() { zero = 1 / zero }).Handle(t.Context(), delivery("panics", ""))
	var fault runtime.Error
	require.ErrorAs(t, err, &fault)
	require.ErrorContains(t, fault, "divide by zero")

	err = panicHub(t, false, func() { panic("text") }).Handle(t.Context(), delivery("panics", ""))
	require.NoError(t, errors.Unwrap(errors.Unwrap(err)))
	var panicked *taskhawk.PanicError
	require.ErrorAs(t, err, &panicked)
	require.Equal(t, "text", panicked.Value)
}

// An outcome that a handler panics with is no decision: nothing is deleted after a panic.
func TestAPanicWithAnOutcomeIsRetried(t *testing.T) {
	t.Parallel()
	err := panicHub(t, false, func() { panic(taskhawk.Ignore(errDown)) }).Handle(t.Context(), delivery("panics", ""))
	require.Equal(t, taskhawk.Outcome{Action: taskhawk.ActionRetry, Err: err}, taskhawk.OutcomeOf(err))
}

func TestRecoverServesOtherHandlers(t *testing.T) {
	t.Parallel()
	msg := &taskhawk.Message{ID: "i1"}
	handler := taskhawk.Recover(func(_ context.Context, got *taskhawk.Message) error {
		require.Same(t, msg, got)
		return errDown
	})
	require.Equal(t, errDown, handler(t.Context(), msg))
	handler = taskhawk.Recover(func(context.Context, *taskhawk.Message) error { panic(1) })
	var panicked *taskhawk.PanicError
	require.ErrorAs(t, handler(t.Context(), msg), &panicked)
}

// The constructor of a transport refuses a hub without a message that it can run.
func TestAHubThatCanRunNothingSaysSo(t *testing.T) {
	t.Parallel()
	runs := taskhawk.New("runs", func(context.Context, struct{}) error { return nil })
	sends := taskhawk.New[struct{}]("sends", nil)
	var none *taskhawk.Hub
	require.ErrorContains(t, none.CheckHandlers(), "nil hub")
	for text, config := range map[string]taskhawk.Config{
		"no tasks":    {},
		"Config.Sync": {Sync: true, Tasks: []taskhawk.AnyTask{runs}},
		`"sends"`:     {Tasks: []taskhawk.AnyTask{sends}},
	} {
		require.ErrorContains(t, newHub(t, config).CheckHandlers(), text)
	}
	require.ErrorIs(t, newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{sends}}).CheckHandlers(), taskhawk.ErrNoHandler)

	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	require.NoError(t, newHub(t, taskhawk.Config{Logger: logger, Tasks: []taskhawk.AnyTask{runs}}).CheckHandlers())
	require.Empty(t, log.String())
	require.NoError(t, newHub(t, taskhawk.Config{Logger: logger, Tasks: []taskhawk.AnyTask{runs, sends}}).CheckHandlers())
	require.Contains(t, log.String(), `level=WARN msg="tasks without a handler fail here" tasks=[sends]`)
}

func TestNewHubRefusesAPublisherThatIsATypedNil(t *testing.T) {
	t.Parallel()
	var publisher *fakePublisher
	_, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher})
	require.EqualError(t, err, "taskhawk: new hub: Config.Publisher is a nil *taskhawk_test.fakePublisher: was the error of its constructor dropped?")
}

package taskhawk_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

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

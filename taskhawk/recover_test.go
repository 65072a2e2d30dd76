package taskhawk_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// panicHub is a hub whose task "panics" does so with value; with inMiddleware, middleware does so instead.
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

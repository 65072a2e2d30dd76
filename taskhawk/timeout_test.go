package taskhawk_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// handleTimed runs a handler under a timeout of a minute, in a bubble, and returns what Handle returned and how long it took.
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
		require.EqualError(t, err, "the task's timeout is over after 1m0s: context deadline exceeded")
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
				require.Equal(t, c.takes, took, "nobody is cut off")
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

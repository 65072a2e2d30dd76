package taskhawk_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// givesBack is a handler that gives the message of its first attempt back, and returns
// result ten minutes later. Other attempts succeed after a minute.
func givesBack(result error) func(context.Context, int) error {
	return func(ctx context.Context, _ int) error {
		if taskhawk.MetadataFrom(ctx).Attempt > 1 {
			time.Sleep(time.Minute)
			return nil
		}
		given := taskhawk.ExtendVisibility(ctx, 0)
		time.Sleep(10 * time.Minute)
		if given == nil && ctx.Err() != nil {
			return errors.New("a context that ended")
		}
		return result
	}
}

// A message that its handler gave back runs again as soon as it comes, beside that
// handler. What that handler returns has no effect.
func TestWorkerRunsAMessageThatItsHandlerGaveBack(t *testing.T) {
	t.Parallel()
	for name, result := range map[string]error{
		"done": nil, "failed": errTest, "ignored": taskhawk.Ignore(errTest), "permanent": taskhawk.Permanent(errTest),
	} {
		for _, ordered := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", in order"}[ordered], func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w, q, observer := newWorkerTest(t, givesBack(result)), newScriptedQueue(ordered), &fakeObserver{}
					log := &logText{}
					w.hub = newHub(w, taskhawk.Config{
						Tasks: []taskhawk.AnyTask{w.number}, Observer: observer,
						Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
					})
					worker := w.startOn(q, taskhawk.WorkerConfig{})
					q.batches <- []*taskhawk.Delivery{q.redelivered("1", 1, "g")}
					pass(time.Second)
					q.batches <- []*taskhawk.Delivery{q.redelivered("1", 2, "g")}
					pass(time.Second)
					require.Equal(t, []int{1, 1}, w.runs())
					require.Equal(t, 2, worker.Stats().Running)
					pass(5 * time.Minute)
					require.Equal(t, []string{"a2"}, drain(q.deleted))
					require.Equal(t, 5*time.Minute+2*time.Second, worker.Stats().LongestRun)
					pass(time.Hour)
					require.Equal(t, []int{1, 1}, w.runs())
					require.Empty(t, drain(q.deleted))
					require.Equal(t, []string{"a1 0s"}, without(drain(q.changed), "a2 30s"))
					stats := worker.Stats()
					counts := []int64{stats.Succeeded, stats.Retried, stats.Dead, stats.LostLeases, stats.Duplicates}
					require.Equal(t, []int64{1, 1, 0, 0, 0}, counts)
					require.Zero(t, stats.Running+stats.Waiting+stats.Settling)
					require.Contains(t, lineWith(t, log, "handler gave its message back"), "attempt=1")
					settled := observer.settled()
					require.Len(t, settled, 2)
					require.Equal(t, taskhawk.ActionDelete, settled[0].Outcome.Action)
					require.Equal(t, taskhawk.ActionRetry, settled[1].Outcome.Action)
					require.False(t, settled[1].Lost)
					w.cancel()
					require.NoError(t, <-w.done)
				})
			})
		}
	}
}

// slowGiveBack is a queue that answers when a message is given back after a second, with
// an error if it fails.
type slowGiveBack struct {
	*scriptedQueue
	fails atomic.Bool
}

func (q *slowGiveBack) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	if timeout == 0 {
		time.Sleep(time.Second)
		if q.fails.Load() {
			return errTest
		}
	}
	return q.scriptedQueue.SetVisibility(ctx, d, timeout)
}

// A message that is given back may come again before the call has its answer. If the call
// failed and the message does not come, the lease goes on.
func TestWorkerGivesAMessageBackSlowly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fails, back bool
		runs        []int
		deleted     []string
	}{
		"answer":           {false, true, []int{1, 1}, []string{"a2"}},
		"error, and back":  {true, true, []int{1, 1}, []string{"a2"}},
		"error, not back":  {true, false, []int{1}, []string{"a1"}},
		"answer, not back": {false, false, []int{1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, q := newWorkerTest(t, givesBack(nil)), &slowGiveBack{scriptedQueue: newScriptedQueue(false)}
				q.fails.Store(c.fails)
				worker := w.startOn(q, taskhawk.WorkerConfig{})
				q.batches <- []*taskhawk.Delivery{q.redelivered("1", 1, "")}
				pass(500 * time.Millisecond)
				if c.back {
					q.batches <- []*taskhawk.Delivery{q.redelivered("1", 2, "")}
				}
				pass(time.Hour)
				require.Equal(t, c.runs, w.runs())
				require.Equal(t, c.deleted, drain(q.deleted))
				require.Zero(t, worker.Stats().LostLeases)
				w.cancel()
				require.NoError(t, <-w.done)
			})
		})
	}
}

// A stop that ends before a handler that gave its message back names the task, and gives
// nothing back again.
func TestWorkerStopsBesideAHandlerThatGaveItsMessageBack(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		t.Run(map[bool]string{false: "message elsewhere", true: "message here again"}[again], func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, q := newWorkerTest(t, givesBack(nil)), newScriptedQueue(false)
				w.startOn(q, taskhawk.WorkerConfig{GracePeriod: 90 * time.Second})
				q.batches <- []*taskhawk.Delivery{q.redelivered("1", 1, "")}
				pass(time.Second)
				if again {
					q.batches <- []*taskhawk.Delivery{q.redelivered("1", 2, "")}
					pass(time.Second)
				}
				w.cancel()
				var stopped *taskhawk.StopError
				require.ErrorAs(t, <-w.done, &stopped)
				require.Equal(t, []string{"tests.number"}, stopped.Tasks)
				pass(10 * time.Minute)
				require.Equal(t, []string{"a1 0s"}, without(drain(q.changed), "a2 30s"))
				require.Equal(t, map[bool][]string{true: {"a2"}}[again], drain(q.deleted))
			})
		})
	}
}

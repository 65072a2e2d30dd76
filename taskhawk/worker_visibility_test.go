package taskhawk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// runChanges runs a worker on a queue with that visibility timeout, whose changes of
// visibility a test watches.
func runChanges(
	t *testing.T, info taskhawk.QueueInfo, config taskhawk.WorkerConfig, handle func(ctx context.Context, n int) error,
	test func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorkerTest(t, handle), newScriptedQueue(info.Ordered)
		q.info.Visibility = info.Visibility
		worker := w.startOn(q, config)
		test(w, q, worker)
		w.cancel()
		require.NoError(t, <-w.done)
	})
}

// A handler that has given its message back goes on without a lease: the worker makes no
// more extensions, and does not end it.
func TestWorkerExtendsNothingThatWasGivenBack(t *testing.T) {
	t.Parallel()
	var ended error
	handle := func(ctx context.Context, _ int) error {
		if err := taskhawk.ExtendVisibility(ctx, 0); err != nil {
			return err
		}
		time.Sleep(2 * time.Minute)
		ended = ctx.Err()
		return nil
	}
	runChanges(t, taskhawk.QueueInfo{Visibility: 30 * time.Second}, taskhawk.WorkerConfig{}, handle, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
		q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a1", "")}
		pass(3 * time.Minute)
		require.Equal(w, []int{1}, w.runs())
		require.NoError(w, ended)
		require.Equal(w, []string{"a1 0s"}, drain(q.changed))
		require.Zero(w, worker.Stats().LostLeases)
	})
}

// A shorter lease without an answer may hold: the next extension comes at once.
func TestWorkerTakesTheEarlierEndOfALease(t *testing.T) {
	t.Parallel()
	handle := func(ctx context.Context, _ int) error {
		err := taskhawk.ExtendVisibility(ctx, 5*time.Second)
		time.Sleep(10 * time.Second)
		return taskhawk.Ignore(err)
	}
	runChanges(t, taskhawk.QueueInfo{Visibility: 30 * time.Second}, taskhawk.WorkerConfig{}, handle, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
		unknown := taskhawk.ErrOutcomeUnknown
		q.change.Store(&unknown)
		q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a1", "")}
		synctest.Wait()
		q.change.Store(nil)
		pass(4 * time.Second)
		require.Equal(w, []string{"a1 5s", "a1 30s"}, drain(q.changed))
		pass(10 * time.Second)
		require.Zero(w, worker.Stats().LostLeases)
	})
}

// Nothing ends the lease on a queue without a visibility timeout, and nothing is extended
// but by the handler.
func TestWorkerExtendsNothingWithoutAVisibilityTimeout(t *testing.T) {
	t.Parallel()
	var extended, ended error
	handle := func(ctx context.Context, n int) error {
		if n == 2 {
			extended = taskhawk.ExtendVisibility(ctx, time.Minute)
		}
		time.Sleep(10 * time.Minute)
		ended = ctx.Err()
		return nil
	}
	for _, n := range []string{"1", "2"} {
		runChanges(t, taskhawk.QueueInfo{}, taskhawk.WorkerConfig{}, handle, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
			q.batches <- []*taskhawk.Delivery{q.deliver(n, "a", "a1", "")}
			pass(11 * time.Minute)
			require.NoError(w, extended)
			require.NoError(w, ended)
			require.Equal(w, map[string][]string{"2": {"a1 1m0s"}}[n], drain(q.changed))
			require.Zero(w, worker.Stats().LostLeases)
			require.Equal(w, []string{"a1"}, drain(q.deleted))
		})
	}
}

// The last extension reaches up to a second before the service ends the lease for good,
// and the lease counts as lost a second before that.
func TestWorkerExtendsUpToTheEndOfALease(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ends    time.Duration
		fail    error
		changes []string
		lost    time.Duration
	}{
		"extended": {40 * time.Second, nil, []string{"a1 24s"}, 38 * time.Second},
		"refused": { // tried until less than a second could be had
			31500 * time.Millisecond, errTest, nil, 29750 * time.Millisecond,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var took time.Duration
			handle := func(ctx context.Context, _ int) error {
				start := time.Now()
				<-ctx.Done()
				took = time.Since(start)
				return context.Cause(ctx)
			}
			runChanges(t, taskhawk.QueueInfo{Visibility: 30 * time.Second}, taskhawk.WorkerConfig{}, handle, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
				if c.fail != nil {
					q.change.Store(&c.fail)
				}
				d := q.deliver("1", "a", "a1", "")
				d.LeaseEnds = d.Received.Add(c.ends)
				q.batches <- []*taskhawk.Delivery{d}
				pass(time.Minute)
				changes := drain(q.changed)
				if c.changes != nil {
					require.Equal(w, c.changes, changes)
				}
				require.NotEmpty(w, changes)
				for _, change := range changes {
					timeout, err := time.ParseDuration(strings.TrimPrefix(change, "a1 "))
					require.NoError(w, err)
					require.GreaterOrEqual(w, timeout, time.Second)
				}
				require.Equal(w, c.lost, took)
				require.EqualValues(w, 1, worker.Stats().LostLeases)
			})
		})
	}
}

// A message whose lease is lost is neither settled nor given back, by a handler that
// returns late or by a stop. Messages that wait behind it do not start.
func TestWorkerLeavesAMessageWhoseLeaseIsLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ordered, stop bool
	}{
		"waits for a slot":      {},
		"waits for its group":   {ordered: true},
		"a stop, for a slot":    {stop: true},
		"a stop, for its group": {ordered: true, stop: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handle := func(context.Context, int) error {
				time.Sleep(20 * time.Second)
				return taskhawk.RetryAfter(time.Hour, errTest)
			}
			info := taskhawk.QueueInfo{Visibility: 30 * time.Second, Ordered: c.ordered}
			runChanges(t, info, taskhawk.WorkerConfig{Concurrency: 1}, handle, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
				lost := taskhawk.ErrVisibilityLost
				q.change.Store(&lost)
				q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a1", "g"), q.deliver("1", "b", "b1", "g")}
				pass(16 * time.Second)
				require.ElementsMatch(w, []string{"a1 30s", "b1 30s"}, drain(q.changed))
				if c.stop {
					w.cancel()
				}
				pass(time.Minute)
				require.Equal(w, []int{1}, w.runs())
				require.Empty(w, drain(q.changed))
				require.Empty(w, drain(q.deleted))
				require.Zero(w, worker.Stats().Released)
				require.EqualValues(w, 2, worker.Stats().LostLeases)
			})
		})
	}
}

// A message that is done and cannot be deleted is hidden, each time four times as long
// and an hour at most. In an ordered queue it would block its group.
func TestWorkerHidesWhatItCannotDelete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ordered, hangs bool
		hidden         []string
	}{
		"deletes fail":     {hidden: []string{"a2 2m0s", "a3 8m0s", "a9 1h0m0s"}},
		"deletes hang":     {hangs: true, hidden: []string{"a2 2m0s", "a3 8m0s", "a9 1h0m0s"}},
		"an ordered queue": {ordered: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			info := taskhawk.QueueInfo{Visibility: 30 * time.Second, Ordered: c.ordered}
			runChanges(t, info, taskhawk.WorkerConfig{}, succeed, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
				q.fails.Store(100)
				q.hangs.Store(c.hangs)
				for _, attempt := range []int{1, 2, 3, 9} {
					d := q.deliver("1", "a", fmt.Sprint("a", attempt), "g")
					d.Attempt = attempt
					q.batches <- []*taskhawk.Delivery{d}
					pass(time.Minute)
				}
				require.Equal(w, []int{1}, w.runs())
				require.EqualValues(w, 3, worker.Stats().AlreadyDone)
				require.Equal(w, c.hidden, drain(q.changed))
			})
		})
	}
}

// A message that can be neither deleted nor hidden is reported with both errors.
func TestWorkerReportsWhatItCannotHide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorkerTest(t, succeed), newScriptedQueue(false)
		log := w.logTo(t)
		q.fails.Store(100)
		q.change.Store(&errTest)
		w.startOn(q, taskhawk.WorkerConfig{})
		for range 2 {
			q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a1", "")}
			pass(time.Second)
		}
		w.cancel()
		<-w.done
		require.Contains(t, log.String(), "hide_error=")
	})
}

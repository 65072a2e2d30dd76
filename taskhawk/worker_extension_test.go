package taskhawk_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// stuckQueue answers changes of visibility only when their context has ended, while stuck
// is set.
type stuckQueue struct {
	*scriptedQueue
	stuck atomic.Bool
}

func (q *stuckQueue) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	if q.stuck.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return q.scriptedQueue.SetVisibility(ctx, d, timeout)
}

// runStuck runs one message on a queue with that visibility timeout, and test beside it.
func runStuck(
	t *testing.T, visibility time.Duration, handle func(ctx context.Context, n int) error,
	test func(w *workerTest, q *stuckQueue, worker *taskhawk.Worker, log *logText),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorkerTest(t, handle), &stuckQueue{scriptedQueue: newScriptedQueue(false)}
		q.info.Visibility = visibility
		q.changed = make(chan string, 1000)
		log := w.logTo(t)
		worker := w.startOn(q, taskhawk.WorkerConfig{})
		q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a1", "")}
		test(w, q, worker, log)
		w.cancel()
		require.NoError(t, <-w.done)
	})
}

// lineWith returns the one line of the log that has the text.
func lineWith(t *testing.T, log *logText, text string) string {
	t.Helper()
	var found []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	require.Len(t, found, 1, "lines with %q", text)
	return found[0]
}

const (
	extensionFailed = "visibility extension failed; retrying"
	leaseLost       = "lease lost; message will be delivered again"
)

// The line about a lost lease has the error of the service. A call that was cut off at
// the end of the lease, or not made, is the cause only if there is no other.
func TestWorkerReportsWhyALeaseIsLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stuck, last bool // from the start; for the last call
		cause       string
		retries     int // lines about them
	}{
		"refused":             {cause: "test error", retries: 1},
		"refused, then stuck": {last: true, cause: "test error", retries: 1},
		"stuck":               {stuck: true, cause: context.DeadlineExceeded.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait := func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }
			runStuck(t, 30*time.Second, wait, func(w *workerTest, q *stuckQueue, worker *taskhawk.Worker, log *logText) {
				q.change.Store(&errTest)
				q.stuck.Store(c.stuck)
				pass(29200 * time.Millisecond)
				q.stuck.Store(c.stuck || c.last)
				pass(time.Second)
				require.EqualValues(w, 1, worker.Stats().LostLeases)
				require.Contains(w, lineWith(w.T, log, leaseLost), c.cause)
				require.Equal(w, c.retries, strings.Count(log.String(), extensionFailed))
			})
		})
	}
}

func TestWorkerReportsFailingExtensionsOnceAMinute(t *testing.T) {
	t.Parallel()
	runStuck(t, 5*time.Minute, sleeping(4*time.Minute), func(w *workerTest, q *stuckQueue, worker *taskhawk.Worker, log *logText) {
		q.change.Store(&errTest)
		pass(151 * time.Second) // half of the visibility timeout, and a second
		require.NotContains(w, lineWith(w.T, log, extensionFailed), "left_out")
		pass(59 * time.Second)
		require.Contains(w, log.String(), "left_out=59")
		q.change.Store(nil)
		pass(time.Minute)
		require.Equal(w, 2, strings.Count(log.String(), extensionFailed))
		require.Equal(w, []string{"a1"}, drain(q.deleted))
		require.Zero(w, worker.Stats().LostLeases)
	})
}

// A handler that is done waits for a hanging extension only while there is time to
// delete its message.
func TestWorkerDeletesInTimeBesideAnExtensionThatHangs(t *testing.T) {
	t.Parallel()
	runStuck(t, 30*time.Second, sleeping(16*time.Second), func(w *workerTest, q *stuckQueue, worker *taskhawk.Worker, _ *logText) {
		q.stuck.Store(true)
		pass(22400 * time.Millisecond) // a quarter of the visibility timeout is left at 22.5 s
		require.Empty(w, drain(q.deleted))
		pass(200 * time.Millisecond)
		require.Equal(w, []string{"a1"}, drain(q.deleted))
		require.Zero(w, worker.Stats().LostLeases)
	})
}

func TestWorkerHoldsALeaseOfLessThanASecond(t *testing.T) {
	t.Parallel()
	runStuck(t, 500*time.Millisecond, sleeping(2*time.Second), func(w *workerTest, q *stuckQueue, worker *taskhawk.Worker, _ *logText) {
		pass(3 * time.Second)
		require.Equal(w, []string{"a1"}, drain(q.deleted))
		require.Zero(w, worker.Stats().LostLeases)
	})
}

// ExtendVisibility waits for an extension in flight, as long as its context allows.
func TestExtendVisibilityWaitsForAnExtension(t *testing.T) {
	t.Parallel()
	var errs []error
	var took []time.Duration
	handle := func(ctx context.Context, _ int) error {
		time.Sleep(16 * time.Second) // the extension takes from 15 to 19 s
		for _, patience := range []time.Duration{time.Second, time.Minute} {
			start := time.Now()
			waiting, cancel := context.WithTimeout(ctx, patience)
			errs = append(errs, taskhawk.ExtendVisibility(waiting, time.Minute))
			took = append(took, time.Since(start))
			cancel()
		}
		return nil
	}
	runLeases(t, taskhawk.WorkerConfig{}, handle, func(w *workerTest, q *leaseQueue, worker *taskhawk.Worker) {
		q.set(nil, 4*time.Second)
		w.dispatch(1)
		pass(time.Minute)
		require.Len(w, errs, 2)
		require.ErrorIs(w, errs[0], context.DeadlineExceeded)
		require.NoError(w, errs[1])
		require.Equal(w, []time.Duration{time.Second, 6 * time.Second}, took)
		require.EqualValues(w, 2, q.changes.Load())
		require.Zero(w, worker.Stats().LostLeases)
		w.requireEmpty()
	})
}

package taskhawk_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// leaseQueue counts changes of visibility, and fails or delays them as it is told.
type leaseQueue struct {
	taskhawk.Queue
	changes atomic.Int64
	mu      sync.Mutex
	fail    error
	delay   time.Duration
}

func (q *leaseQueue) set(fail error, delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fail, q.delay = fail, delay
}

func (q *leaseQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	q.mu.Lock()
	away := errors.Is(q.fail, errAway) && q.changes.Load() > 0
	q.mu.Unlock()
	if away {
		return nil, errAway
	}
	deliveries, err := q.Queue.Receive(ctx, limit, wait)
	for _, d := range deliveries {
		d.Settler = q
	}
	return deliveries, err
}

func (q *leaseQueue) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	q.changes.Add(1)
	q.mu.Lock()
	fail, delay := q.fail, q.delay
	q.mu.Unlock()
	time.Sleep(delay)
	if fail != nil {
		return fail
	}
	return q.Queue.SetVisibility(ctx, d, timeout)
}

// errAway is the error of everything while there is no connection.
var errAway = errors.New("no connection")

// runLeases runs a worker on one queue whose visibility changes are watched.
func runLeases(
	t *testing.T, config taskhawk.WorkerConfig, handle func(ctx context.Context, n int) error,
	test func(w *workerTest, q *leaseQueue, worker *taskhawk.Worker),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, handle)
		q := &leaseQueue{Queue: w.memory.Queues(taskhawk.Default)[0]}
		worker, err := taskhawk.NewWorker(w.hub, []taskhawk.Queue{q}, config)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { w.done <- worker.Run(ctx) }()
		test(w, q, worker)
		cancel()
		require.NoError(t, <-w.done)
	})
}

func TestWorkerHoldsTheLeaseOfALongTask(t *testing.T) {
	t.Parallel()
	long := func(ctx context.Context, _ int) error { time.Sleep(10 * time.Minute); return ctx.Err() }
	runLeases(t, taskhawk.WorkerConfig{}, long, func(w *workerTest, q *leaseQueue, worker *taskhawk.Worker) {
		w.dispatch(1)
		pass(time.Hour)
		require.Equal(w, []int{1}, w.runs(), "though the visibility timeout is %s", taskhawktest.Visibility)
		require.InDelta(w, 40, q.changes.Load(), 1, "extensions, one each half timeout")
		require.Zero(w, worker.Stats().LostLeases)
		w.requireEmpty()
	})
}

func TestWorkerHoldsTheLeasesOfWaitingMessages(t *testing.T) {
	t.Parallel()
	slow := func(context.Context, int) error { time.Sleep(50 * time.Millisecond); return nil }
	slower := func(ctx context.Context, n int) error {
		if n < 20 {
			return slow(ctx, n) // quick enough for messages to be prefetched
		}
		time.Sleep(20 * time.Second)
		return nil
	}
	config := taskhawk.WorkerConfig{Concurrency: 1}
	runLeases(t, config, slower, func(w *workerTest, _ *leaseQueue, worker *taskhawk.Worker) {
		for n := range 30 {
			w.dispatch(n)
		}
		pass(10 * time.Second)
		require.Positive(w, worker.Stats().Waiting)
		require.LessOrEqual(w, worker.Stats().Waiting, taskhawk.DefaultPrefetch)
		pass(time.Hour)
		require.Len(w, w.runs(), 30, "none ran twice")
		w.requireEmpty()
	})
}

func TestWorkerEndsAHandlerWhoseLeaseIsLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fail error
		ends time.Duration
	}{
		"taken by another worker": {fail: taskhawk.ErrVisibilityLost, ends: 15 * time.Second},
		"no connection":           {fail: errAway, ends: 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var causes []error
			var took []time.Duration
			handle := func(ctx context.Context, _ int) error {
				start := time.Now()
				select {
				case <-ctx.Done():
					causes, took = append(causes, context.Cause(ctx)), append(took, time.Since(start))
					return ctx.Err()
				case <-time.After(time.Minute):
					return nil
				}
			}
			runLeases(t, taskhawk.WorkerConfig{}, handle, func(w *workerTest, q *leaseQueue, worker *taskhawk.Worker) {
				q.set(c.fail, 0)
				w.dispatch(1)
				pass(c.ends + time.Millisecond)
				q.set(nil, 0)
				pass(10 * time.Minute)
				require.Equal(w, []error{taskhawk.ErrVisibilityLost}, causes)
				require.Equal(w, []time.Duration{c.ends}, took)
				require.Equal(w, []int{1, 1}, w.runs(), "delivered again")
				require.EqualValues(w, 1, worker.Stats().LostLeases)
				require.EqualValues(w, 1, worker.Stats().Succeeded)
				w.requireEmpty()
			})
		})
	}
}

func TestWorkerDoesNotRepeatWhatSucceededAfterItsLeaseWasLost(t *testing.T) {
	t.Parallel()
	stubborn := func(context.Context, int) error { time.Sleep(20 * time.Second); return nil } // before it is visible
	runLeases(t, taskhawk.WorkerConfig{}, stubborn, func(w *workerTest, q *leaseQueue, worker *taskhawk.Worker) {
		q.set(taskhawk.ErrVisibilityLost, 0)
		w.dispatch(1)
		pass(16 * time.Second)
		q.set(nil, 0)
		pass(10 * time.Minute)
		require.Equal(w, []int{1}, w.runs())
		require.EqualValues(w, 1, worker.Stats().AlreadyDone)
		w.requireEmpty()
	})
}

func TestWorkerAdoptsAMessageThatComesBackWhileItsTaskRuns(t *testing.T) {
	t.Parallel()
	stubborn := func(context.Context, int) error { time.Sleep(time.Minute); return nil }
	runLeases(t, taskhawk.WorkerConfig{}, stubborn, func(w *workerTest, q *leaseQueue, worker *taskhawk.Worker) {
		w.dispatch(1)
		q.set(errTest, 0) // no extension arrives, so the message comes back after 30 s: to this worker
		pass(31 * time.Second)
		q.set(nil, 0)
		pass(10 * time.Minute)
		require.Equal(w, []int{1}, w.runs())
		stats := worker.Stats()
		require.EqualValues(w, 1, stats.AlreadyDone+stats.Succeeded)
		w.requireEmpty()
	})
}

func TestWorkerEndsTheLeaseAfterTwelveHours(t *testing.T) {
	t.Parallel()
	var ended time.Duration
	endless := func(ctx context.Context, _ int) error {
		start := time.Now()
		<-ctx.Done()
		ended = time.Since(start)
		return taskhawk.Permanent(context.Cause(ctx))
	}
	runLeases(t, taskhawk.WorkerConfig{}, endless, func(w *workerTest, _ *leaseQueue, worker *taskhawk.Worker) {
		w.dispatch(1)
		pass(12*time.Hour + time.Second)
		require.InDelta(w, (12 * time.Hour).Seconds(), ended.Seconds(), 2)
		require.EqualValues(w, 1, worker.Stats().LostLeases)
		all, _ := w.memory.Depth(taskhawk.Default)
		require.Equal(w, 1, all, "a dead receipt settles nothing")
	})
}

func TestWorkerSettlesOnlyAfterAnExtensionUnderWay(t *testing.T) {
	t.Parallel()
	handle := func(context.Context, int) error {
		time.Sleep(16 * time.Second) // the first extension begins after 15 s
		return taskhawk.RetryAfter(5*time.Minute, errTest)
	}
	runLeases(t, taskhawk.WorkerConfig{}, handle, func(w *workerTest, q *leaseQueue, _ *taskhawk.Worker) {
		q.set(nil, 4*time.Second)
		w.dispatch(1)
		pass(5 * time.Minute)
		require.Len(w, w.runs(), 1, "the late extension does not override the delay of the retry")
		pass(30 * time.Second)
		require.Len(w, w.runs(), 2)
	})
}

func TestExtendVisibilityByHand(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var errs []error
	extend := func(ctx context.Context, d time.Duration) {
		err := taskhawk.ExtendVisibility(ctx, d)
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	}
	handle := func(ctx context.Context, n int) error {
		switch n {
		case 1: // a long lease needs no heartbeat
			extend(ctx, 2*time.Hour)
			time.Sleep(time.Hour)
		case 2: // given back: others may have it at once
			if taskhawk.MetadataFrom(ctx).Attempt < 3 {
				extend(ctx, 0)
			}
			time.Sleep(time.Second)
		}
		return nil
	}
	runLeases(t, taskhawk.WorkerConfig{}, handle, func(w *workerTest, q *leaseQueue, _ *taskhawk.Worker) {
		w.dispatch(1)
		pass(2 * time.Hour)
		require.Equal(w, []error{nil}, errs)
		require.EqualValues(w, 1, q.changes.Load())
		w.requireEmpty()
		w.dispatch(2)
		pass(1500 * time.Millisecond)
		require.Equal(w, []int{1, 2, 2, 2}, w.runs(), "all at once")
		require.Equal(w, []error{nil, nil, nil}, errs)
		w.requireEmpty()
	})
}

func TestExtendVisibilityOfALostLease(t *testing.T) {
	t.Parallel()
	var err, cause error
	handle := func(ctx context.Context, _ int) error {
		err = taskhawk.ExtendVisibility(ctx, time.Minute)
		cause = context.Cause(ctx)
		return errors.Join(err, taskhawk.Ignore(nil))
	}
	runLeases(t, taskhawk.WorkerConfig{}, handle, func(w *workerTest, q *leaseQueue, _ *taskhawk.Worker) {
		q.set(taskhawk.ErrVisibilityLost, 0)
		w.dispatch(1)
		pass(time.Second)
		require.ErrorIs(w, err, taskhawk.ErrVisibilityLost)
		require.ErrorIs(w, cause, taskhawk.ErrVisibilityLost)
	})
}

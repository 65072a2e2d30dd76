package taskhawk_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// distantQueue takes its time for every call, counts its receives, and fails them while
// it is down.
type distantQueue struct {
	taskhawk.Queue
	trip, deletes  time.Duration
	down           atomic.Bool
	receives       atomic.Int64
	inFlight, most atomic.Int64
}

func (q *distantQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	q.receives.Add(1)
	now := q.inFlight.Add(1)
	defer q.inFlight.Add(-1)
	for most := q.most.Load(); now > most && !q.most.CompareAndSwap(most, now); most = q.most.Load() {
	}
	time.Sleep(q.trip)
	if q.down.Load() {
		return nil, errTest
	}
	return q.Queue.Receive(ctx, limit, wait)
}

func (q *distantQueue) Delete(ctx context.Context, d *taskhawk.Delivery) error {
	time.Sleep(q.trip + q.deletes)
	return q.Queue.Delete(ctx, d)
}

// runDistant runs test beside a worker of one queue that is 15 ms away.
func runDistant(
	t *testing.T, handle func(ctx context.Context, n int) error, test func(w *workerTest, q *distantQueue),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, handle)
		test(w, &distantQueue{Queue: w.memory.Queues(taskhawk.Default)[0], trip: 15 * time.Millisecond})
	})
}

func sleeping(d time.Duration) func(context.Context, int) error {
	return func(context.Context, int) error { time.Sleep(d); return nil }
}

func TestWorkersShareSlowTasks(t *testing.T) {
	t.Parallel()
	const tasks = 20
	for name, run := range map[string]func(w *workerTest, start [2]func()){
		"with a backlog": func(w *workerTest, start [2]func()) {
			for n := range tasks {
				w.dispatch(n)
			}
			start[0]()
			start[1]()
		},
		"one after the other": func(w *workerTest, start [2]func()) {
			for n := range tasks {
				w.dispatch(n)
			}
			start[0]()
			pass(500 * time.Millisecond)
			start[1]()
		},
		"while they wait for tasks": func(w *workerTest, start [2]func()) {
			start[0]()
			start[1]()
			pass(time.Second)
			for n := range tasks {
				w.dispatch(n)
				pass(20 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runDistant(t, sleeping(time.Minute), func(w *workerTest, q *distantQueue) {
				var workers [2]*taskhawk.Worker
				var start [2]func()
				var stopped sync.WaitGroup
				ctx, cancel := context.WithCancel(w.Context())
				for i := range workers {
					workers[i] = w.newWorker([]taskhawk.Queue{q}, taskhawk.WorkerConfig{GracePeriod: time.Hour})
					start[i] = func() { stopped.Go(func() { _ = workers[i].Run(ctx) }) }
				}
				run(w, start)
				pass(10 * time.Second)
				for _, worker := range workers {
					require.Equal(w, 10, worker.Stats().Running)
					require.Zero(w, worker.Stats().Waiting)
				}
				cancel()
				stopped.Wait()
				require.Len(w, w.runs(), tasks)
			})
		})
	}
}

func TestWorkerMakesMoreReceivesOnlyWhileTheyComeBackFull(t *testing.T) {
	t.Parallel()
	runDistant(t, sleeping(100*time.Millisecond), func(w *workerTest, q *distantQueue) {
		w.startOn(q, taskhawk.WorkerConfig{Concurrency: 200, MaxReceives: 6})
		pass(time.Hour)
		require.EqualValues(w, 1, q.most.Load(), "an idle queue has one long poll")
		require.LessOrEqual(w, q.receives.Load(), int64(181))
		for n := range 3000 {
			w.dispatch(n)
		}
		pass(2500 * time.Millisecond)
		require.Len(w, w.runs(), 3000)
		require.EqualValues(w, 6, q.most.Load(), "MaxReceives")
		require.LessOrEqual(w, q.receives.Load(), int64(181+350), "they are full")

		q.most.Store(0)
		start := q.receives.Load()
		pass(10 * time.Minute)
		require.LessOrEqual(w, q.receives.Load()-start, int64(40), "one long poll again")
		w.cancel()
		require.NoError(w, <-w.done)
	})
}

// An outage that meets many receives at once is one failure, not one for each: the worker
// is back after a second.
func TestWorkerCountsAnOutageOfManyReceivesOnce(t *testing.T) {
	t.Parallel()
	runDistant(t, sleeping(100*time.Millisecond), func(w *workerTest, q *distantQueue) {
		for n := range 2000 {
			w.dispatch(n)
		}
		w.startOn(q, taskhawk.WorkerConfig{Concurrency: 400})
		for q.inFlight.Load() < 8 {
			pass(time.Millisecond)
		}
		q.down.Store(true)
		pass(100 * time.Millisecond)
		require.Zero(w, q.inFlight.Load(), "a pause")
		start := q.receives.Load()
		pass(400 * time.Millisecond)
		require.Equal(w, start, q.receives.Load())
		q.down.Store(false)
		pass(3 * time.Second)
		require.Len(w, w.runs(), 2000)
		w.cancel()
		require.NoError(w, <-w.done)
		w.requireEmpty()
	})
}

// A stop that meets many receives gives back what they bring.
func TestWorkerStopsWithManyReceivesInFlight(t *testing.T) {
	t.Parallel()
	runDistant(t, sleeping(100*time.Millisecond), func(w *workerTest, q *distantQueue) {
		for n := range 2000 {
			w.dispatch(n)
		}
		worker := w.startOn(q, taskhawk.WorkerConfig{Concurrency: 400})
		for q.inFlight.Load() < 8 {
			pass(time.Millisecond)
		}
		w.cancel()
		start := time.Now()
		require.NoError(w, <-w.done)
		require.Less(w, time.Since(start), 200*time.Millisecond)
		all, inFlight := w.memory.Depth(taskhawk.Default)
		require.Zero(w, inFlight)
		require.Equal(w, 2000-len(w.runs()), all)
		require.Positive(w, worker.Stats().Released)
		require.Zero(w, worker.Stats().Waiting)
	})
}

// Where deletes take long, no more than 100 messages are settled beside the handlers:
// others wait for that, and nothing piles up.
func TestWorkerWaitsForSlowSettlements(t *testing.T) {
	t.Parallel()
	runDistant(t, sleeping(10*time.Millisecond), func(w *workerTest, q *distantQueue) {
		q.deletes = 5 * time.Second
		for n := range 1000 {
			w.dispatch(n)
		}
		worker := w.startOn(q, taskhawk.WorkerConfig{Concurrency: 10})
		for range 100 {
			pass(97 * time.Millisecond)
			stats := worker.Stats()
			require.LessOrEqual(w, stats.Running, 10)
			require.LessOrEqual(w, stats.Settling, 110)
			require.LessOrEqual(w, stats.Waiting, taskhawk.DefaultPrefetch)
		}
		require.Equal(w, 110, worker.Stats().Settling)
		require.Len(w, w.runs(), 220, "a hundred beside the slots, and ten in them, every five seconds")
		pass(time.Minute)
		w.cancel()
		require.NoError(w, <-w.done)
		w.requireEmpty()
	})
}

package taskhawk_test

import (
	"context"
	"fmt"
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

// An outage that meets many receives at once is one failure, not one for each: the
// worker receives again after a second.
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

// A stop that meets many receives gives back their messages.
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

// answeringQueue answers each poll with the next number of messages from the test, or
// with none when the wait is over. Messages that the test gives to the queue go to polls
// with the full wait, so that extra receives stay in flight.
type answeringQueue struct {
	*scriptedQueue
	answers  chan int
	inFlight atomic.Int64
	next     atomic.Int64
}

func newAnsweringQueue(ordered bool) *answeringQueue {
	q := &answeringQueue{scriptedQueue: newScriptedQueue(ordered), answers: make(chan int)}
	q.info.Wait, q.info.Visibility = 20*time.Second, 12*time.Hour
	q.deleted = make(chan string, 1000)
	return q
}

func (q *answeringQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	q.inFlight.Add(1)
	defer q.inFlight.Add(-1)
	q.limit.Store(int64(limit))
	batches := q.batches
	if wait < q.info.Wait {
		batches = nil
	}
	select {
	case n := <-q.answers:
		brought := make([]*taskhawk.Delivery, min(n, limit))
		for i := range brought {
			id := fmt.Sprint("m", q.next.Add(1))
			brought[i] = q.deliver("1", id, id, "")
		}
		return brought, nil
	case batch := <-batches:
		return batch, nil
	case <-time.After(wait):
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// begin starts a worker, and lets its first poll pass, which waits for a second only.
func (q *answeringQueue) begin(w *workerTest, config taskhawk.WorkerConfig) *taskhawk.Worker {
	w.Helper()
	worker := w.startOn(q, config)
	pass(time.Second)
	require.EqualValues(w, 1, q.inFlight.Load())
	return worker
}

// group returns a delivery for each id, all of one group.
func (q *answeringQueue) group(group string, ids ...string) []*taskhawk.Delivery {
	batch := make([]*taskhawk.Delivery, len(ids))
	for i, id := range ids {
		batch[i] = q.deliver("1", id, id, group)
	}
	return batch
}

// A full receive doubles how many may be in flight. A receive of fewer than half the
// messages halves that, and an empty one leaves only the long poll.
func TestWorkerMakesAsManyReceivesAsTheyBring(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorkerTest(t, sleeping(time.Hour)), newAnsweringQueue(false)
		q.begin(w, taskhawk.WorkerConfig{Concurrency: 1000, MaxReceives: 12, GracePeriod: 2 * time.Hour})
		for i, step := range []struct {
			brought  int
			inFlight int64
		}{
			{10, 2}, {10, 4}, {10, 8}, {10, 12}, {10, 12}, // MaxReceives
			{5, 12}, {5, 12}, // half full
			{4, 11}, {5, 10}, {5, 9}, {5, 8}, {5, 7}, {5, 6}, {5, 6}, // half of 12
		} {
			q.answers <- step.brought
			synctest.Wait()
			require.Equal(t, step.inFlight, q.inFlight.Load(), "step %d", i)
		}
		pass(time.Second)
		require.EqualValues(t, 1, q.inFlight.Load(), "extra receives do not wait longer, and come back empty")
		q.answers <- 10
		synctest.Wait()
		require.EqualValues(t, 2, q.inFlight.Load())
		w.cancel()
		require.NoError(t, <-w.done)
	})
}

// What a stop gives back would come in again by the extra receives in flight, and cost
// another attempt: the stop waits until they are over, a second at most.
func TestWorkerStopGivesBackBehindExtraReceives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorkerTest(t, sleeping(300*time.Millisecond)), newAnsweringQueue(true)
		q.begin(w, taskhawk.WorkerConfig{Concurrency: 100})
		q.batches <- q.group("g", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
		pass(100 * time.Millisecond)
		require.EqualValues(t, 2, q.inFlight.Load(), "a long poll, and an extra receive of a second")
		q.batches <- q.group("h", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t")
		pass(100 * time.Millisecond)
		require.Positive(t, q.inFlight.Load(), "extra receives")
		w.cancel()
		pass(700 * time.Millisecond)
		require.Equal(t, []string{"a", "k"}, drain(q.deleted))
		require.Empty(t, drain(q.changed))
		pass(300 * time.Millisecond)
		require.NoError(t, <-w.done)
		require.Len(t, drain(q.changed), 18)
	})
}

// A group holds up its own messages, so an ordered queue is asked for more while half of
// a batch still waits.
func TestWorkerLeavesAnOrderedQueueAloneWhileHalfOfABatchWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorkerTest(t, sleeping(time.Minute)), newAnsweringQueue(true)
		worker := q.begin(w, taskhawk.WorkerConfig{Concurrency: 1, GracePeriod: time.Hour})
		q.batches <- q.group("g", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
		synctest.Wait()
		for waiting := 9; waiting > 0; waiting-- {
			require.Equal(t, waiting, worker.Stats().Waiting)
			require.Equal(t, waiting <= 5, q.inFlight.Load() > 0, "%d wait", waiting)
			pass(time.Minute)
		}
		w.cancel()
		require.NoError(t, <-w.done)
	})
}

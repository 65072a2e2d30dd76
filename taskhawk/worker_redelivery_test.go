package taskhawk_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// redelivered is a delivery of message a, its nth.
func (q *scriptedQueue) redelivered(n string, attempt int, group string) *taskhawk.Delivery {
	d := q.deliver(n, "a", "a"+string(rune('0'+attempt)), group)
	d.Attempt, d.MaxAttempts = attempt, 4
	return d
}

// loseLease has the lease on the first delivery of message a lost, while its handler
// runs.
func (q *scriptedQueue) loseLease(w *workerTest, worker *taskhawk.Worker) {
	w.Helper()
	lost := taskhawk.ErrVisibilityLost
	q.change.Store(&lost)
	q.batches <- []*taskhawk.Delivery{q.redelivered("1", 1, "g")}
	pass(16 * time.Second)
	require.Equal(w, []string{"a1 30s"}, drain(q.changed))
	require.EqualValues(w, 1, worker.Stats().LostLeases)
	q.change.Store(nil)
}

// A message that comes back while its handler runs without a lease is held again: it costs
// no further receive, and the outcome of the handler is applied to it.
func TestWorkerHoldsAMessageThatComesBackAfterItsLeaseWasLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result           error
		deleted, changed []string
		stats            [3]int64 // succeeded, retried, dead
	}{
		"done":       {nil, []string{"a2"}, nil, [3]int64{1, 0, 0}},
		"ignored":    {taskhawk.Ignore(errTest), []string{"a2"}, nil, [3]int64{1, 0, 0}},
		"failed":     {errTest, nil, []string{"a2 2m0s"}, [3]int64{0, 1, 0}},
		"no backoff": {taskhawk.RetryAfter(time.Second, errTest), nil, []string{"a2 1s"}, [3]int64{0, 1, 0}},
		"permanent":  {taskhawk.Permanent(errTest), []string{"a2 buried", "a2"}, nil, [3]int64{0, 0, 1}},
	} {
		for _, ordered := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", in order"}[ordered], func(t *testing.T) {
				t.Parallel()
				var cause error
				handle := func(ctx context.Context, _ int) error {
					time.Sleep(10 * time.Minute)
					cause = context.Cause(ctx)
					return c.result
				}
				config := taskhawk.WorkerConfig{Backoff: func(attempt int) time.Duration { return time.Duration(attempt) * time.Minute }}
				info := taskhawk.QueueInfo{Visibility: 30 * time.Second, Ordered: ordered}
				runChanges(t, info, config, handle, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
					q.loseLease(w, worker)
					pass(20 * time.Second)
					q.batches <- []*taskhawk.Delivery{q.redelivered("1", 2, "g")}
					pass(time.Minute)
					require.Equal(w, []string{"a2 30s", "a2 30s", "a2 30s", "a2 30s"}, drain(q.changed), "extended as before")
					pass(8 * time.Minute)
					drain(q.changed)
					pass(time.Minute)
					require.ErrorIs(w, cause, taskhawk.ErrVisibilityLost)
					require.Equal(w, []int{1}, w.runs())
					require.Equal(w, c.deleted, drain(q.deleted))
					require.Equal(w, c.changed, without(drain(q.changed), "a2 30s"))
					stats := worker.Stats()
					counts := [3]int64{stats.Succeeded, stats.Retried, stats.Dead}
					require.Equal(w, c.stats, counts)
					require.EqualValues(w, 1, stats.LostLeases)
					require.EqualValues(w, 1, stats.Duplicates)
					require.Zero(w, stats.Running+stats.Waiting+stats.Settling)
				})
			})
		}
	}
}

// A lease that was renewed ends as any other does, and is renewed again.
func TestWorkerLosesALeaseTwice(t *testing.T) {
	t.Parallel()
	info := taskhawk.QueueInfo{Visibility: 30 * time.Second}
	runChanges(t, info, taskhawk.WorkerConfig{}, sleeping(5*time.Minute), func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
		q.loseLease(w, worker)
		second := q.redelivered("1", 2, "")
		second.LeaseEnds = second.Received.Add(time.Minute)
		q.batches <- []*taskhawk.Delivery{second}
		pass(57 * time.Second)
		require.EqualValues(w, 1, worker.Stats().LostLeases)
		pass(4 * time.Second)
		require.EqualValues(w, 2, worker.Stats().LostLeases, "at the limit of the service")
		q.batches <- []*taskhawk.Delivery{q.redelivered("1", 3, "")}
		pass(5 * time.Minute)
		require.Equal(w, []int{1}, w.runs())
		require.Equal(w, []string{"a3"}, drain(q.deleted))
		require.EqualValues(w, 2, worker.Stats().LostLeases)
	})
}

// A message that waits when its lease is lost runs under the receipt with which it came
// back.
func TestWorkerRunsAWaitingMessageUnderItsNextReceipt(t *testing.T) {
	t.Parallel()
	info := taskhawk.QueueInfo{Visibility: 30 * time.Second}
	config := taskhawk.WorkerConfig{Concurrency: 1}
	handle := func(ctx context.Context, n int) error {
		if n == 9 {
			if err := taskhawk.ExtendVisibility(ctx, time.Hour); err != nil {
				return err
			}
		}
		time.Sleep(time.Minute)
		return context.Cause(ctx)
	}
	runChanges(t, info, config, handle, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
		q.batches <- []*taskhawk.Delivery{q.deliver("9", "b", "b1", "")}
		pass(time.Second)
		require.Equal(w, []string{"b1 1h0m0s"}, drain(q.changed))
		q.loseLease(w, worker)
		pass(15 * time.Second)
		q.batches <- []*taskhawk.Delivery{q.redelivered("1", 2, "")}
		pass(5 * time.Minute)
		require.Equal(w, []int{9, 1}, w.runs())
		require.Equal(w, []string{"b1", "a2"}, drain(q.deleted))
		require.Zero(w, worker.Stats().Waiting)
	})
}

// A stop gives a message that came back, and whose handler does not return, back by its
// new receipt.
func TestWorkerGivesBackAMessageThatCameBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorkerTest(t, sleeping(time.Minute)), newScriptedQueue(false)
		worker := w.startOn(q, taskhawk.WorkerConfig{GracePeriod: 2 * time.Second})
		q.loseLease(w, worker)
		q.batches <- []*taskhawk.Delivery{q.redelivered("1", 2, "")}
		pass(time.Second)
		w.cancel()
		var stopped *taskhawk.StopError
		require.ErrorAs(t, <-w.done, &stopped)
		require.Equal(t, []string{"tests.number"}, stopped.Tasks)
		pass(time.Minute)
		require.Equal(t, []string{"a2 1s"}, drain(q.changed))
		require.Empty(t, drain(q.deleted))
		require.EqualValues(t, 1, worker.Stats().Released)
	})
}

// A message that comes with one of its group whose handler still runs waits for that
// handler.
func TestWorkerKeepsTheOrderOfAGroupThatComesBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result           error
		stop             bool // while the first handler runs
		last             bool // the second message is at its last attempt
		runs             []int
		deleted, changed []string
	}{
		"done":                  {nil, false, false, []int{1, 2}, []string{"a2", "b1"}, nil},
		"failed":                {taskhawk.RetryAfter(time.Hour, errTest), false, false, []int{1}, nil, []string{"a2 1h0m0s", "b1 0s"}},
		"stop":                  {nil, true, false, []int{1}, []string{"a2"}, []string{"b1 0s"}},
		"stop, at last attempt": {nil, true, true, []int{1, 2}, []string{"a2", "b1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handle := func(_ context.Context, n int) error {
				if n == 1 {
					time.Sleep(time.Minute)
				}
				return c.result
			}
			info := taskhawk.QueueInfo{Visibility: 30 * time.Second, Ordered: true}
			config := taskhawk.WorkerConfig{GracePeriod: time.Hour}
			runChanges(t, info, config, handle, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
				q.loseLease(w, worker)
				pass(15 * time.Second)
				second := q.deliver("2", "b", "b1", "g")
				if c.last {
					second.Attempt, second.MaxAttempts = 4, 4
				}
				q.batches <- []*taskhawk.Delivery{q.redelivered("1", 2, "g"), second}
				pass(10 * time.Second)
				require.Equal(w, []int{1}, w.runs())
				require.Equal(w, 1, worker.Stats().Waiting)
				if c.stop {
					w.cancel()
				}
				pass(30 * time.Minute)
				require.Equal(w, c.runs, w.runs())
				require.Equal(w, c.deleted, drain(q.deleted))
				require.ElementsMatch(w, c.changed, without(without(drain(q.changed), "a2 30s"), "b1 30s"))
				require.Zero(w, worker.Stats().Waiting)
			})
		})
	}
}

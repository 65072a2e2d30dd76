package taskhawk_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestPauseStopsReceivingAndNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		finished := 0
		w := newWorkerTest(t, func(ctx context.Context, _ int) error {
			select {
			case <-time.After(20 * time.Minute):
				finished++
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		worker := w.start(w.memory.Queues(), taskhawk.WorkerConfig{Concurrency: 1})
		for n := range 3 {
			w.dispatch(n)
		}
		pass(time.Minute)
		require.Equal(t, []int{1, 1}, []int{worker.Stats().Running, worker.Stats().Waiting})
		worker.Pause()
		pass(time.Hour)
		require.Equal(t, 2, finished, "the one that ran, and the one that it held")
		require.EqualValues(t, 2, worker.Stats().Received)
		require.Zero(t, worker.Stats().LostLeases)

		worker.Resume()
		pass(time.Minute)
		require.Equal(t, 1, worker.Stats().Running, "at once")
		pass(20 * time.Minute)
		require.Equal(t, 3, finished)
		w.requireEmpty()
		w.stop()
	})
}

func TestPauseOfOnePriority(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		worker := w.newWorker(w.memory.Queues(), taskhawk.WorkerConfig{})
		worker.Pause(taskhawk.Low, taskhawk.Bulk, taskhawk.Priority(9))
		worker.Pause(taskhawk.Low)
		w.run(worker)
		for n, priority := range taskhawk.Priorities() {
			w.dispatch(n, taskhawk.WithPriority(priority))
		}
		pass(time.Hour)
		require.ElementsMatch(t, []int{0, 1}, w.runs())
		worker.Resume(taskhawk.Low)
		pass(time.Second)
		require.ElementsMatch(t, []int{0, 1, 2}, w.runs())
		worker.Resume()
		pass(time.Second)
		require.ElementsMatch(t, []int{0, 1, 2, 3}, w.runs())
		w.stop()
	})
}

func TestPauseRunsWhatAPollInFlightBrings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		worker := w.start(w.memory.Queues(), taskhawk.WorkerConfig{})
		pass(time.Second)
		worker.Pause()
		w.dispatch(1)
		synctest.Wait()
		require.Equal(t, []int{1}, w.runs(), "the poll brought it")
		w.dispatch(2)
		pass(time.Hour)
		require.Equal(t, []int{1}, w.runs(), "there was no other poll")
		worker.Resume()
		synctest.Wait()
		require.Equal(t, []int{1, 2}, w.runs())
		w.stop()
	})
}

func TestStopOfAPausedWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		worker := w.start(w.memory.Queues(), taskhawk.WorkerConfig{})
		worker.Pause()
		pass(time.Hour)
		start := time.Now()
		w.stop()
		require.Zero(t, time.Since(start), "no poll is in flight")
	})
}

func TestProbesOfAPausedWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		q := &brokenQueue{Queue: w.memory.Queues(taskhawk.Low)[0]}
		fail := func() error { return errTest }
		q.receive.Store(&fail)
		worker := w.startOn(q, taskhawk.WorkerConfig{})
		pass(time.Minute)
		require.ErrorIs(t, worker.Ready(), taskhawk.ErrNotReady)
		worker.Pause()
		pass(time.Hour)
		health := worker.Health()[0]
		require.True(t, health.Paused)
		require.Positive(t, health.Failures)
		require.Zero(t, health.Age)
		require.NoError(t, worker.Live(time.Minute))
		require.NoError(t, worker.Ready())

		resumed := time.Now()
		worker.Resume()
		worker.Resume()
		pass(time.Second)
		health = worker.Health()[0]
		require.False(t, health.Paused)
		require.Equal(t, resumed, health.Started)
		require.Equal(t, time.Second, health.Age)
		require.Positive(t, health.Failures)
		require.NoError(t, worker.Live(time.Minute), "an hour of pause is no failure")
		pass(2 * time.Minute)
		require.ErrorIs(t, worker.Live(time.Minute), taskhawk.ErrNotLive)
		q.receive.Store(nil)
		pass(time.Minute)
		require.NoError(t, worker.Live(time.Minute))
		w.stop()
	})
}

package taskhawk_test

import (
	"context"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

func TestWorkerAbortEndsTheGracePeriod(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() })
		worker, err := taskhawk.NewWorker(w.hub, w.memory.Queues(), taskhawk.WorkerConfig{GracePeriod: time.Hour})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { w.done <- worker.Run(ctx) }()
		w.dispatch(1)
		pass(time.Second)
		cancel()
		pass(time.Minute)
		start := time.Now()
		worker.Abort()
		worker.Abort()
		require.NoError(t, <-w.done)
		require.Zero(t, time.Since(start))
		w.requireNoneInFlight()
	})
}

func TestWorkerAbortPollsStopsAnIdleWorkerAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		w.start(w.memory.Queues(), taskhawk.WorkerConfig{AbortPolls: true})
		pass(5 * time.Second)
		start := time.Now()
		w.cancel()
		require.NoError(t, <-w.done)
		require.Zero(t, time.Since(start))
	})
}

func TestWorkerStrictPriority(t *testing.T) {
	t.Parallel()
	slow := func(context.Context, int) error { time.Sleep(time.Second); return nil }
	config := taskhawk.WorkerConfig{Concurrency: 1, StrictPriority: true}
	runWorker(t, config, slow, func(w *workerTest) {
		for n := range 8 {
			w.dispatch(100+n, taskhawk.WithPriority(taskhawk.Bulk))
		}
		synctest.Wait()
		for n := range 8 {
			w.dispatch(n, taskhawk.WithPriority(taskhawk.High))
		}
		pass(8 * time.Second)
		bulk := 0
		for _, n := range w.runs() {
			if n >= 100 {
				bulk++
			}
		}
		require.LessOrEqual(w, bulk, 2, "the one that ran, and at most one that had the slot: %v", w.runs())
		pass(20 * time.Second)
		require.Len(w, w.runs(), 16)
	})
}

func TestWorkerStatsAndHealth(t *testing.T) {
	t.Parallel()
	handle := func(_ context.Context, n int) error {
		time.Sleep(time.Second)
		return map[int]error{1: errTest, 2: taskhawk.Permanent(errTest)}[n]
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, handle)
		worker, err := taskhawk.NewWorker(w.hub, w.memory.Queues(), taskhawk.WorkerConfig{Concurrency: 2})
		require.NoError(t, err)
		require.Equal(t, taskhawk.WorkerStats{}, worker.Stats())
		require.Zero(t, worker.Health()[0].LastPoll)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { w.done <- worker.Run(ctx) }()
		for n := range 3 {
			w.dispatch(n)
		}
		pass(time.Millisecond)
		require.Equal(t, 2, worker.Stats().Running)
		pass(3 * time.Second)
		stats := worker.Stats()
		require.Equal(t, []int64{3, 3, 1, 1, 1}, []int64{stats.Received, stats.Started, stats.Succeeded, stats.Retried, stats.Dead})
		require.Zero(t, stats.Running)
		require.EqualValues(t, 3, stats.Lag.Count)
		require.Equal(t, time.Second, stats.Lag.Max, "the third had to wait for a slot")
		require.Equal(t, time.Second, stats.Lag.Total)

		pass(time.Minute)
		for _, queue := range worker.Health() {
			require.WithinDuration(t, time.Now(), queue.LastPoll, taskhawktest.Wait+time.Second)
			require.NoError(t, queue.Err)
		}
		cancel()
		require.NoError(t, <-w.done)
	})
}

func TestWorkerHealthCountsItsAgeFromRun(t *testing.T) {
	t.Parallel()
	runBroken(t, func(w *workerTest, q *brokenQueue, _ *logText) {
		fail := func() error { return errTest }
		q.receive.Store(&fail)
		time.Sleep(time.Hour)
		made := w.newWorker([]taskhawk.Queue{q}, taskhawk.WorkerConfig{})
		require.Zero(w, made.Health()[0].Age, "not started")
		time.Sleep(time.Hour)
		started := time.Now()
		w.run(made)
		pass(time.Second)
		health := made.Health()[0]
		require.Positive(w, health.Failures)
		require.Zero(w, health.LastPoll)
		require.Equal(w, started, health.Started)
		require.Equal(w, time.Second, health.Age, "not dead a second after its start")
		pass(11 * time.Minute)
		require.Equal(w, time.Since(started), made.Health()[0].Age)

		q.receive.Store(nil)
		pass(time.Minute)
		require.LessOrEqual(w, made.Health()[0].Age, taskhawktest.Wait)
		require.Equal(w, time.Since(made.Health()[0].LastPoll), made.Health()[0].Age)
	})
}

func TestWorkerHealthTellsOfFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		q := &brokenQueue{Queue: w.memory.Queues(taskhawk.Low)[0]}
		fail := func() error { return errTest }
		q.receive.Store(&fail)
		worker, err := taskhawk.NewWorker(w.hub, []taskhawk.Queue{q}, taskhawk.WorkerConfig{})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { w.done <- worker.Run(ctx) }()
		pass(time.Minute)
		health := worker.Health()[0]
		require.Equal(t, taskhawk.Low, health.Priority)
		require.ErrorIs(t, health.Err, errTest)
		require.Greater(t, health.Failures, 2)
		cancel()
		require.NoError(t, <-w.done)
	})
}

// signalledRunner stops when it is told to, and ends when that is aborted.
type signalledRunner struct{ running, stopping, abort chan struct{} }

func (r *signalledRunner) Run(ctx context.Context) error {
	close(r.running)
	<-ctx.Done()
	close(r.stopping)
	<-r.abort
	return errTest
}

func (r *signalledRunner) Abort() { close(r.abort) }

func TestRunUntilSignal(t *testing.T) { //nolint:paralleltest // signals go to the whole process
	r := &signalledRunner{running: make(chan struct{}), stopping: make(chan struct{}), abort: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- taskhawk.RunUntilSignal(t.Context(), r) }()
	self, err := os.FindProcess(os.Getpid())
	require.NoError(t, err)
	for _, ready := range []chan struct{}{r.running, r.stopping} { // two signals at once may become one
		<-ready
		require.NoError(t, self.Signal(syscall.SIGTERM))
	}
	require.ErrorIs(t, <-done, errTest, "what Run returned")
}

package taskhawk_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// failingQueue fails every poll until it is healed.
type failingQueue struct {
	*scriptedQueue

	healed atomic.Bool
}

func newFailingQueue() *failingQueue { return &failingQueue{scriptedQueue: newScriptedQueue(false)} }

func (q *failingQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	if !q.healed.Load() {
		return nil, errDown
	}
	return q.scriptedQueue.Receive(ctx, limit, wait)
}

func TestProbesOfAWorkerThatHasNotBegun(t *testing.T) {
	t.Parallel()
	task := taskhawk.New("t", func(context.Context, struct{}) error { return nil })
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
	worker, err := taskhawk.NewWorker(hub, []taskhawk.Queue{newFailingQueue()}, taskhawk.WorkerConfig{})
	require.NoError(t, err)
	require.NoError(t, worker.Live(0))
	require.ErrorIs(t, worker.Ready(), taskhawk.ErrNotReady)
	require.ErrorContains(t, worker.Ready(), "Run has not begun")
	require.Empty(t, worker.Running())
}

// An empty queue does not hold up a rollout: the first poll is short, those after it are
// not.
func TestReadyASecondAfterTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		worker := w.start(w.memory.Queues(), taskhawk.WorkerConfig{})
		pass(time.Second - 1)
		require.ErrorIs(w, worker.Ready(), taskhawk.ErrNotReady)
		pass(1)
		require.NoError(w, worker.Ready())
		first := worker.Health()[0].LastPoll
		pass(20*time.Second - 1)
		require.Equal(w, first, worker.Health()[0].LastPoll)
		pass(1)
		require.Equal(w, first.Add(20*time.Second), worker.Health()[0].LastPoll)
		w.cancel()
		require.NoError(w, <-w.done)
	})
}

// A worker is live for as long as it may recover by itself, and ready while it takes
// messages.
func TestProbesOfAWorkerWhosePollsFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, queue := newWorkerTest(t, succeed), newFailingQueue()
		worker, err := taskhawk.NewWorker(w.hub, []taskhawk.Queue{queue}, taskhawk.WorkerConfig{})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { w.done <- worker.Run(ctx) }()
		pass(time.Minute)
		require.NoError(w, worker.Live(0), "it has just started")
		require.ErrorContains(w, worker.Ready(), "polls of ")
		require.ErrorIs(w, worker.Ready(), errDown)
		pass(9 * time.Minute)
		require.NoError(w, worker.Live(10*time.Minute), "no longer than that")
		pass(time.Millisecond)
		require.ErrorIs(w, worker.Live(10*time.Minute), taskhawk.ErrNotLive)
		require.ErrorIs(w, worker.Live(10*time.Minute), errDown)
		require.NoError(w, worker.Live(time.Hour))
		queue.healed.Store(true)
		pass(time.Minute)
		require.NoError(w, worker.Live(10*time.Minute))
		require.NoError(w, worker.Ready())
		cancel()
		require.NoError(w, <-w.done)
		require.ErrorContains(w, worker.Live(0), "it has stopped")
		require.ErrorContains(w, worker.Ready(), "it stops")
	})
}

// A busy worker may not poll for long, and is live and ready all the same.
func TestProbesOfABusyWorker(t *testing.T) {
	t.Parallel()
	slow := func(context.Context, int) error { time.Sleep(15 * time.Minute); return nil }
	runScripted(t, false, slow, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
		q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a1", "")}
		pass(10 * time.Minute)
		require.NoError(w, worker.Live(time.Minute))
		require.NoError(w, worker.Ready())
		running := worker.Running()
		require.Len(w, running, 1)
		require.NotEmpty(w, running[0].Task)
		require.NotEmpty(w, running[0].ID)
		require.Equal(w, 1, running[0].Attempt)
		require.InDelta(w, 10*time.Minute, time.Since(running[0].Since), float64(time.Minute))
		pass(10 * time.Minute)
		require.Empty(w, worker.Running())
	})
}

package taskhawk_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

type numberArgs struct{ N int }

// workerTest is a worker on queues in memory, inside a synctest bubble.
type workerTest struct {
	*testing.T
	memory *taskhawktest.Memory
	hub    *taskhawk.Hub
	number *taskhawk.Task[numberArgs]
	cancel context.CancelFunc
	done   chan error

	mu  sync.Mutex
	ran []int
}

// runWorker starts a worker in a bubble, runs test beside it, and stops it.
func runWorker(
	t *testing.T, config taskhawk.WorkerConfig, handle func(ctx context.Context, n int) error, test func(w *workerTest),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, handle)
		w.start(w.memory.Queues(), config)
		test(w)
		w.cancel()
		<-w.done
	})
}

func newWorkerTest(
	t *testing.T, handle func(ctx context.Context, n int) error, options ...taskhawk.TaskOption,
) *workerTest {
	t.Helper()
	w := &workerTest{T: t, memory: taskhawktest.NewMemory(taskhawktest.MemoryConfig{}), done: make(chan error, 1)}
	w.number = taskhawk.New("tests.number", func(ctx context.Context, args numberArgs) error {
		w.mu.Lock()
		w.ran = append(w.ran, args.N)
		w.mu.Unlock()
		return handle(ctx, args.N)
	}, options...)
	var err error
	w.hub, err = taskhawk.NewHub(taskhawk.Config{
		Publisher: w.memory, Tasks: []taskhawk.AnyTask{w.number}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return w
}

// startOn starts a worker for one queue.
func (w *workerTest) startOn(queue taskhawk.Queue, config taskhawk.WorkerConfig) *taskhawk.Worker {
	return w.start([]taskhawk.Queue{queue}, config)
}

func (w *workerTest) start(queues []taskhawk.Queue, config taskhawk.WorkerConfig) *taskhawk.Worker {
	worker := w.newWorker(queues, config)
	w.run(worker)
	return worker
}

func (w *workerTest) newWorker(queues []taskhawk.Queue, config taskhawk.WorkerConfig) *taskhawk.Worker {
	worker, err := taskhawk.NewWorker(w.hub, queues, config)
	require.NoError(w, err)
	return worker
}

// run runs a worker until cancel.
func (w *workerTest) run(worker *taskhawk.Worker) {
	ctx, cancel := context.WithCancel(w.Context())
	w.cancel = cancel
	go func() { w.done <- worker.Run(ctx) }()
}

func (w *workerTest) dispatch(n int, options ...taskhawk.DispatchOption) {
	_, err := w.number.Dispatch(w.Context(), numberArgs{N: n}, options...)
	require.NoError(w, err)
}

func (w *workerTest) runs() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]int(nil), w.ran...)
}

func (w *workerTest) requireEmpty() {
	w.Helper()
	for _, priority := range taskhawk.Priorities() {
		all, _ := w.memory.Depth(priority)
		require.Zero(w, all, "messages left on the %s queue", priority)
	}
}

func succeed(context.Context, int) error { return nil }

func TestWorkerRunsTasksOfAllPriorities(t *testing.T) {
	t.Parallel()
	runWorker(t, taskhawk.WorkerConfig{}, succeed, func(w *workerTest) {
		for n, priority := range taskhawk.Priorities() {
			w.dispatch(n, taskhawk.WithPriority(priority))
		}
		synctest.Wait()
		require.ElementsMatch(w, []int{0, 1, 2, 3}, w.runs())
		w.requireEmpty()
	})
}

func TestWorkerRunsNoMoreThanConcurrency(t *testing.T) {
	t.Parallel()
	var running, most int
	var mu sync.Mutex
	handle := func(context.Context, int) error {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		time.Sleep(time.Second)
		mu.Lock()
		running--
		mu.Unlock()
		return nil
	}
	runWorker(t, taskhawk.WorkerConfig{Concurrency: 3}, handle, func(w *workerTest) {
		for n := range 30 {
			w.dispatch(n, taskhawk.WithPriority(taskhawk.Priorities()[n%4]))
		}
		start := time.Now()
		pass(10*time.Second + time.Millisecond)
		require.Len(w, w.runs(), 30, "30 tasks of a second, three at a time")
		w.requireEmpty()
		require.Less(w, time.Since(start), 11*time.Second)
	})
	require.Equal(t, 3, most)
}

func TestWorkerServesUrgentTasksFirstAndStarvesNone(t *testing.T) {
	t.Parallel()
	slow := func(context.Context, int) error { time.Sleep(time.Second); return nil }
	runWorker(t, taskhawk.WorkerConfig{Concurrency: 1}, slow, func(w *workerTest) {
		for n := range 8 {
			w.dispatch(100+n, taskhawk.WithPriority(taskhawk.Bulk))
		}
		synctest.Wait() // one bulk task has the slot
		for n := range 8 {
			w.dispatch(n, taskhawk.WithPriority(taskhawk.High))
		}
		pass(6 * time.Second)
		high := 0
		for _, n := range w.runs() {
			if n < 100 {
				high++
			}
		}
		require.GreaterOrEqual(w, high, 3, "ran %v", w.runs())
		pass(20 * time.Second)
		require.Len(w, w.runs(), 16)
	})
}

func TestNewWorkerRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	hub, err := taskhawk.NewHub(taskhawk.Config{})
	require.NoError(t, err)
	queues := taskhawktest.NewMemory(taskhawktest.MemoryConfig{}).Queues()
	for name, c := range map[string]struct {
		hub    *taskhawk.Hub
		queues []taskhawk.Queue
		config taskhawk.WorkerConfig
		want   string
	}{
		"hub":         {nil, queues, taskhawk.WorkerConfig{}, "nil hub"},
		"queues":      {hub, nil, taskhawk.WorkerConfig{}, "no queues"},
		"concurrency": {hub, queues, taskhawk.WorkerConfig{Concurrency: -1}, "negative Concurrency"},
		"limited":     {hub, queues, taskhawk.WorkerConfig{MaxLimited: -1}, "negative MaxLimited"},
		"grace":       {hub, queues, taskhawk.WorkerConfig{GracePeriod: -1}, "negative GracePeriod"},
	} {
		_, err := taskhawk.NewWorker(c.hub, c.queues, c.config)
		require.ErrorContains(t, err, c.want, name)
	}
}

func TestNewWorkerRefusesBadQueues(t *testing.T) {
	t.Parallel()
	high := taskhawk.QueueInfo{Name: "a", Priority: taskhawk.High}
	for name, c := range map[string]struct {
		infos []taskhawk.QueueInfo
		want  string
	}{
		"same name":  {[]taskhawk.QueueInfo{high, {Name: "b"}, {Name: "a"}}, "queue 2: duplicate queue name"},
		"priority":   {[]taskhawk.QueueInfo{high, {Priority: 9}}, "queue 1: unknown priority: Priority(9)"},
		"visibility": {[]taskhawk.QueueInfo{{Visibility: -1}}, "queue 0: negative Visibility -1ns"},
		"wait":       {[]taskhawk.QueueInfo{{Wait: -1}}, "queue 0: negative Wait -1ns"},
	} {
		var queues []taskhawk.Queue
		for _, info := range c.infos {
			queues = append(queues, &scriptedQueue{info: info})
		}
		_, err := taskhawk.NewWorker(newWorkerTest(t, succeed).hub, queues, taskhawk.WorkerConfig{})
		require.EqualError(t, err, "taskhawk: new worker: "+c.want, name)
	}
}

var errTest = errors.New("test error")

// pass lets d go by, and everything that is due by then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

package taskhawk_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// brokenQueue fails as it is told to, and is otherwise the queue it wraps.
type brokenQueue struct {
	taskhawk.Queue
	receive, settle atomic.Pointer[func() error]
	receives        atomic.Int64
}

func (q *brokenQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	q.receives.Add(1)
	if fail := q.receive.Load(); fail != nil {
		if err := (*fail)(); err != nil {
			return nil, err
		}
	}
	return q.Queue.Receive(ctx, limit, wait)
}

func (q *brokenQueue) Delete(ctx context.Context, d *taskhawk.Delivery) error {
	if fail := q.settle.Load(); fail != nil {
		if err := (*fail)(); err != nil {
			return err
		}
	}
	return q.Queue.Delete(ctx, d)
}

func runBroken(t *testing.T, test func(w *workerTest, q *brokenQueue, log *logText)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		log := w.logTo(t)
		q := &brokenQueue{Queue: w.memory.Queues(taskhawk.Default)[0]}
		test(w, q, log)
		w.cancel()
		<-w.done
	})
}

// logTo puts a hub in the place of w's that logs to the buffer. Dispatch by
// dispatchThrough then: the task has two hubs.
func (w *workerTest) logTo(t *testing.T) *logText {
	t.Helper()
	log := &logText{}
	var err error
	w.hub, err = taskhawk.NewHub(taskhawk.Config{
		Publisher: w.memory, Tasks: []taskhawk.AnyTask{w.number}, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	require.NoError(t, err)
	return log
}

func (w *workerTest) dispatchThrough(hub *taskhawk.Hub, n int) {
	_, err := w.number.Dispatch(taskhawk.ContextWithHub(w.Context(), hub), numberArgs{N: n})
	require.NoError(w, err)
}

func TestWorkerOutlivesFailingPolls(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error": func() error { return errTest },
		"panic": func() error { panic(errTest) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runBroken(t, func(w *workerTest, q *brokenQueue, log *logText) {
				q.receive.Store(&fail)
				w.start([]taskhawk.Queue{q}, taskhawk.WorkerConfig{})
				w.dispatchThrough(w.hub, 1)
				pass(time.Hour)
				require.LessOrEqual(w, q.receives.Load(), int64(260), "polls in an hour of outage")
				require.GreaterOrEqual(w, q.receives.Load(), int64(100))
				lines := strings.Count(log.String(), "receive failed; retrying")
				require.GreaterOrEqual(w, lines, 40, "reports in an hour")
				require.LessOrEqual(w, lines, 61)

				q.receive.Store(nil)
				pass(31 * time.Second)
				require.Equal(w, []int{1}, w.runs(), "recovers within the longest wait and a second")
			})
		})
	}
}

func TestWorkerStopsWhileItWaitsAfterAFailedPoll(t *testing.T) {
	t.Parallel()
	runBroken(t, func(w *workerTest, q *brokenQueue, _ *logText) {
		fail := func() error { return errTest }
		q.receive.Store(&fail)
		w.start([]taskhawk.Queue{q}, taskhawk.WorkerConfig{})
		time.Sleep(10 * time.Minute)
		start := time.Now()
		w.cancel()
		synctest.Wait()
		require.Zero(w, time.Since(start))
	})
}

func TestWorkerOutlivesFailingSettlements(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error": func() error { return errTest },
		"panic": func() error { panic(errTest) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runBroken(t, func(w *workerTest, q *brokenQueue, log *logText) {
				var failures int
				once := func() error {
					if failures++; failures > 1 {
						return nil
					}
					return fail()
				}
				q.settle.Store(&once)
				w.start([]taskhawk.Queue{q}, taskhawk.WorkerConfig{Concurrency: 1})
				w.dispatchThrough(w.hub, 1)
				pass(5 * time.Minute)
				require.Equal(w, []int{1}, w.runs(), "delivered again, and deleted then, not run")
				require.Contains(w, log.String(), "settling failed")
				w.requireEmpty()
			})
		})
	}
}

// slowQueue takes a minute to delete, whatever the context says.
type slowQueue struct{ taskhawk.Queue }

func (q slowQueue) Delete(ctx context.Context, d *taskhawk.Delivery) error {
	time.Sleep(time.Minute)
	return q.Queue.Delete(ctx, d)
}

func TestWorkerStopReportsWhatIsNotSettled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		w.dispatch(1)
		w.start([]taskhawk.Queue{slowQueue{w.memory.Queues()[1]}}, taskhawk.WorkerConfig{GracePeriod: time.Second})
		synctest.Wait()
		w.cancel()
		var stopped *taskhawk.StopError
		require.ErrorAs(t, <-w.done, &stopped)
		require.Equal(t, taskhawk.StopError{Settling: 1}, *stopped)
		time.Sleep(2 * time.Minute) // let the call end with the bubble
	})
}

func TestWorkerOutlivesAPanickingLogger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		memory := taskhawktest.NewMemory(taskhawktest.MemoryConfig{})
		hub, err := taskhawk.NewHub(taskhawk.Config{
			Publisher: memory, Tasks: []taskhawk.AnyTask{w.number}, Logger: slog.New(panickingHandler{}),
		})
		require.NoError(t, err)
		w.hub, w.memory = hub, memory
		w.start(memory.Queues(), taskhawk.WorkerConfig{Concurrency: 1})
		for n := range 3 {
			w.dispatchThrough(hub, n)
		}
		pass(time.Minute)
		require.Subset(t, w.runs(), []int{0, 1, 2})
		w.cancel()
		require.NoError(t, <-w.done)
	})
}

// panickingHandler is a log handler with a bug.
type panickingHandler struct{}

func (panickingHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (panickingHandler) Handle(context.Context, slog.Record) error { panic("log") }
func (h panickingHandler) WithAttrs([]slog.Attr) slog.Handler      { return h }
func (h panickingHandler) WithGroup(string) slog.Handler           { return h }

func TestWorkerWarnsAtTheLastAttempt(t *testing.T) {
	t.Parallel()
	const line = "task failed at its last attempt; becomes a dead letter"
	for level, fail := range map[string]error{
		"WARN": taskhawk.RetryAfter(0, errTest), "ERROR": errTest,
	} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorkerTest(t, func(context.Context, int) error { return fail })
				log := w.logTo(t)
				worker := w.start(w.memory.Queues(), taskhawk.WorkerConfig{})
				w.dispatchThrough(w.hub, 1)
				pass(time.Hour)
				attempts := len(w.runs())
				require.Equal(t, 1, strings.Count(log.String(), line))
				require.Contains(t, log.String(), "level="+level+` msg="`+line)
				if level == "ERROR" {
					require.Equal(t, attempts-1, strings.Count(log.String(), "will be retried"))
				} else {
					require.NotContains(t, log.String(), "will be retried")
				}
				require.EqualValues(t, 1, worker.Stats().Dead)
				require.EqualValues(t, attempts-1, worker.Stats().Retried)
				require.Len(t, w.memory.DeadLetters(taskhawk.Default), 1)
				w.cancel()
				<-w.done
			})
		})
	}
}

func TestWorkerWarnsOfALastAttemptThatAStopGivesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, func(ctx context.Context, _ int) error { time.Sleep(time.Minute); return nil })
		log := w.logTo(t)
		q := newScriptedQueue(false)
		worker := w.startOn(q, taskhawk.WorkerConfig{Concurrency: 1})
		running, waiting := q.deliver("1", "a", "a", ""), q.deliver("2", "b", "b", "")
		for _, d := range []*taskhawk.Delivery{running, waiting} {
			d.Attempt, d.MaxAttempts = 5, 5
		}
		q.batches <- []*taskhawk.Delivery{running, waiting}
		pass(time.Second)
		w.cancel()
		<-w.done
		synctest.Wait()
		require.Contains(t, log.String(), "message given back at its last attempt; becomes a dead letter")
		require.EqualValues(t, 2, worker.Stats().Dead, "the one that waited, and the one whose handler did not return")
		time.Sleep(time.Minute)
	})
}

package taskhawk_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestWorkerStopLosesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const tasks, stops = 1000, 10
		w := newWorkerTest(t, func(context.Context, int) error { time.Sleep(100 * time.Millisecond); return nil })
		for n := range tasks {
			w.dispatch(n, taskhawk.WithPriority(taskhawk.Priorities()[n%4]))
		}
		for range stops {
			w.start(w.memory.Queues(), taskhawk.WorkerConfig{Concurrency: 8})
			time.Sleep(777 * time.Millisecond)
			w.cancel()
			require.NoError(t, <-w.done)
			w.requireNoneInFlight()
		}
		w.start(w.memory.Queues(), taskhawk.WorkerConfig{Concurrency: 8})
		time.Sleep(time.Minute)
		w.cancel()
		require.NoError(t, <-w.done)

		distinct := map[int]bool{}
		for _, n := range w.runs() {
			distinct[n] = true
		}
		require.Len(t, distinct, tasks)
		require.Len(t, w.runs(), tasks, "no task ran twice")
		w.requireEmpty()
	})
}

func (w *workerTest) requireNoneInFlight() {
	w.Helper()
	for _, priority := range taskhawk.Priorities() {
		_, inFlight := w.memory.Depth(priority)
		require.Zero(w, inFlight, "in flight on the %s queue after a stop", priority)
	}
}

func TestWorkerStopWaitsForHandlers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, func(ctx context.Context, _ int) error {
			time.Sleep(20 * time.Second)
			return ctx.Err()
		})
		w.dispatch(1)
		w.start(w.memory.Queues(), taskhawk.WorkerConfig{})
		synctest.Wait()
		start := time.Now()
		w.cancel()
		require.NoError(t, <-w.done)
		require.Equal(t, 20*time.Second, time.Since(start))
		w.requireEmpty()
	})
}

func TestWorkerStopCancelsHandlersAfterTheGracePeriod(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cause error
		w := newWorkerTest(t, func(ctx context.Context, _ int) error {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return ctx.Err()
		})
		w.dispatch(1)
		w.start(w.memory.Queues(taskhawk.Default), taskhawk.WorkerConfig{GracePeriod: 5 * time.Second})
		synctest.Wait()
		start := time.Now()
		w.cancel()
		require.NoError(t, <-w.done)
		require.Equal(t, 5*time.Second, time.Since(start), "the poll is cut off as well")
		require.ErrorIs(t, cause, taskhawk.ErrStopping)
		w.requireOneGivenBack()
	})
}

// requireOneGivenBack checks that the only message is visible a second after a stop that
// cut a poll off.
func (w *workerTest) requireOneGivenBack() {
	w.Helper()
	time.Sleep(time.Second)
	all, inFlight := w.memory.Depth(taskhawk.Default)
	require.Equal(w, 1, all)
	require.Zero(w, inFlight, "given back")
}

// lingering is a queue whose polls live on for a moment after they were cut off. They
// take messages that no receiver gets, as on SQS until it notices that the connection is
// closed.
type lingering struct{ taskhawk.Queue }

// Receive is one poll.
func (q lingering) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	deliveries, err := q.Queue.Receive(ctx, limit, wait)
	if ctx.Err() != nil {
		orphan, cancel := context.WithTimeout(context.WithoutCancel(ctx), 500*time.Millisecond)
		go func() {
			defer cancel()
			_, _ = q.Queue.Receive(orphan, limit, wait)
		}()
	}
	return deliveries, err
}

func TestWorkerStopGivesNothingToPollsThatItCutOff(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]taskhawk.WorkerConfig{
		"at the end of the grace period": {GracePeriod: 5 * time.Second}, "at once": {GracePeriod: time.Nanosecond, AbortPolls: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorkerTest(t, func(ctx context.Context, _ int) error {
					<-ctx.Done()
					return ctx.Err()
				})
				w.dispatch(1)
				w.start([]taskhawk.Queue{lingering{w.memory.Queues(taskhawk.Default)[0]}}, config)
				synctest.Wait()
				w.cancel()
				require.NoError(t, <-w.done)
				w.requireOneGivenBack()
			})
		})
	}
}

func TestWorkerReportsWhatItCannotGiveBack(t *testing.T) {
	t.Parallel()
	for _, fail := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w, q := newWorkerTest(t, sleeping(10*time.Second)), newScriptedQueue(false)
			log := w.logTo(t)
			worker := w.startOn(q, taskhawk.WorkerConfig{Concurrency: 1, AbortPolls: true})
			q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a", ""), q.deliver("2", "b", "b", "")}
			pass(time.Second)
			if fail {
				q.change.Store(&errTest)
			}
			w.cancel()
			require.NoError(t, <-w.done)
			synctest.Wait()
			require.EqualValues(t, 1, worker.Stats().Released)
			require.Equal(t, fail, strings.Contains(log.String(), "giving back failed; message stays invisible"))
		})
	}
}

// The last line of a worker is a warning if something was left behind.
func TestWorkerStopIsLogged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		takes time.Duration
		line  string
	}{
		"clean": {time.Second, `level=INFO msg="worker stopped" duration_ms=1000` + "\n"},
		"hung":  {time.Minute, `level=WARN msg="worker stopped" duration_ms=2500 error=`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorkerTest(t, sleeping(c.takes))
				log, q := w.logTo(t), newScriptedQueue(false)
				w.startOn(q, taskhawk.WorkerConfig{GracePeriod: 2 * time.Second, AbortPolls: true})
				q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a", "")}
				synctest.Wait()
				w.cancel()
				<-w.done
				require.Contains(t, log.String(), c.line)
				time.Sleep(time.Minute) // let the handler end with the bubble
			})
		})
	}
}

func TestWorkerStopGivesUpOnHungHandlers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		w := newWorkerTest(t, func(context.Context, int) error { <-hang; return nil })
		w.dispatch(1)
		w.start(w.memory.Queues(), taskhawk.WorkerConfig{GracePeriod: 5 * time.Second})
		synctest.Wait()
		start := time.Now()
		w.cancel()
		err := <-w.done
		var stopped *taskhawk.StopError
		require.ErrorAs(t, err, &stopped)
		require.Equal(t, []string{"tests.number"}, stopped.Tasks)
		require.ErrorContains(t, err, "1 handlers still running [tests.number]")
		require.LessOrEqual(t, time.Since(start), 6*time.Second, "the grace period and a second")
		w.requireOneGivenBack()

		close(hang) // the handler returns after all: its message is no longer the worker's to delete
		synctest.Wait()
		all, _ := w.memory.Depth(taskhawk.Default)
		require.Equal(t, 1, all)
	})
}

func TestWorkerStopGivesBackWhatALatePollBrings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		w.start(w.memory.Queues(), taskhawk.WorkerConfig{})
		synctest.Wait()
		w.cancel()
		synctest.Wait()
		w.dispatch(1) // arrives on the poll that is still parked
		require.NoError(t, <-w.done)
		require.Empty(t, w.runs())
		all, inFlight := w.memory.Depth(taskhawk.Default)
		require.Equal(t, 1, all)
		require.Zero(t, inFlight)
	})
}

// A message at its last attempt would become a dead letter if the stop gave it back.
func TestWorkerStopRunsWhatIsAtItsLastAttempt(t *testing.T) {
	t.Parallel()
	const most = 5 // receives that the queue allows
	for name, c := range map[string]struct {
		ordered  bool // all messages are of one group
		late     bool // they come by a poll that ends after the stop
		attempts []int
		options  []taskhawk.TaskOption
		runs     []int // all of 10 s, one after the other
		released int
	}{
		"in line":             {attempts: []int{1, 4, most, 1}, runs: []int{0, 2}, released: 2},
		"several":             {attempts: []int{1, most, most}, runs: []int{0, 1, 2}},
		"behind its group":    {ordered: true, attempts: []int{1, 1, most, 1}, runs: []int{0, 1, 2}, released: 1},
		"by a late poll":      {late: true, attempts: []int{most}, runs: []int{0}},
		"of the task":         {attempts: []int{1, 2}, options: []taskhawk.TaskOption{taskhawk.WithMaxAttempts(2)}, runs: []int{0, 1}},
		"at the task's limit": {attempts: []int{1, most, 1}, options: []taskhawk.TaskOption{taskhawk.WithMaxConcurrency(1)}, runs: []int{0, 1}, released: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorkerTest(t, sleeping(10*time.Second), c.options...)
				q := newScriptedQueue(c.ordered)
				config := taskhawk.WorkerConfig{Concurrency: 1, GracePeriod: time.Minute}
				if len(c.options) > 0 {
					config.Concurrency = 2
				}
				var batch []*taskhawk.Delivery
				for n, attempt := range c.attempts {
					d := q.deliver(strconv.Itoa(n), fmt.Sprint("id-", n), fmt.Sprint("receipt-", n), "group")
					d.Attempt, d.MaxAttempts = attempt, most
					batch = append(batch, d)
				}
				worker := w.startOn(q, config)
				pass(time.Second)
				if c.late {
					w.cancel()
				}
				q.batches <- batch[:1]
				pass(time.Second)
				q.batches <- batch[1:]
				pass(time.Second)
				w.cancel()
				require.NoError(t, <-w.done)
				require.ElementsMatch(t, c.runs, w.runs())
				stats := worker.Stats()
				require.EqualValues(t, c.released, stats.Released)
				require.EqualValues(t, len(c.runs), stats.Succeeded)
				require.Zero(t, stats.Dead)
			})
		})
	}
}

// Such a message does not prolong a stop beyond its grace period.
func TestWorkerStopGivesBackALastAttemptAtTheEndOfItsGracePeriod(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, func(ctx context.Context, _ int) error { <-ctx.Done(); return nil })
		q := newScriptedQueue(false)
		worker := w.startOn(q, taskhawk.WorkerConfig{Concurrency: 1, GracePeriod: time.Minute})
		running, last := q.deliver("1", "a", "a", ""), q.deliver("2", "b", "b", "")
		last.Attempt, last.MaxAttempts = 5, 5
		q.batches <- []*taskhawk.Delivery{running}
		pass(time.Second)
		q.batches <- []*taskhawk.Delivery{last}
		pass(time.Second)
		w.cancel()
		pass(59 * time.Second)
		require.Equal(t, 1, worker.Stats().Waiting, "it waits for a slot, under its lease")
		require.NoError(t, <-w.done)
		require.Equal(t, []int{1}, w.runs())
		require.EqualValues(t, 1, worker.Stats().Dead)
	})
}

func TestWorkerStopOfAnIdleWorkerWaitsForItsPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		w.start(w.memory.Queues(), taskhawk.WorkerConfig{})
		time.Sleep(6 * time.Second) // a first poll of a second, and 5 s of the next
		start := time.Now()
		w.cancel()
		require.NoError(t, <-w.done)
		require.Equal(t, 15*time.Second, time.Since(start))
	})
}

func TestWorkerRunsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed)
		worker, err := taskhawk.NewWorker(w.hub, w.memory.Queues(), taskhawk.WorkerConfig{})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var group sync.WaitGroup
		errs := make(chan error, 4)
		for range 4 {
			group.Go(func() { errs <- worker.Run(ctx) })
		}
		group.Wait()
		close(errs)
		var nils int
		for err := range errs {
			if err == nil {
				nils++
			} else {
				require.ErrorIs(t, err, taskhawk.ErrWorkerStarted)
			}
		}
		require.Equal(t, 1, nils)
	})
}

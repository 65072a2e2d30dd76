package taskhawk_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// impatientQueue answers every poll at once while hurried is set, as a proxy or an
// emulator does that does not wait.
type impatientQueue struct {
	taskhawk.Queue
	hurried  atomic.Bool
	receives atomic.Int64
}

func (q *impatientQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	q.receives.Add(1)
	if q.hurried.Load() {
		wait = 0
	}
	return q.Queue.Receive(ctx, limit, wait)
}

func TestWorkerPausesBetweenPollsThatDoNotWait(t *testing.T) {
	t.Parallel()
	runBroken(t, func(w *workerTest, broken *brokenQueue, log *logText) {
		q := &impatientQueue{Queue: broken}
		q.hurried.Store(true)
		worker := w.startOn(q, taskhawk.WorkerConfig{})
		pass(time.Hour)
		require.LessOrEqual(w, q.receives.Load(), int64(240), "about as many as when polls wait 20 s")
		require.GreaterOrEqual(w, q.receives.Load(), int64(180), "the pause is no longer than the wait")
		require.Contains(w, log.String(), "receive came back empty before its wait was over")
		require.Zero(w, worker.Health()[0].Failures, "the queue answers")
		require.WithinDuration(w, time.Now(), worker.Health()[0].LastPoll, taskhawktest.Wait)

		q.hurried.Store(false)
		pass(taskhawktest.Wait)
		start := q.receives.Load()
		w.dispatchThrough(w.hub, 1)
		pass(time.Millisecond)
		require.Equal(w, []int{1}, w.runs(), "polls wait again, and bring what comes at once")
		pass(10 * time.Minute)
		require.LessOrEqual(w, q.receives.Load()-start, int64(31))
	})
}

func TestWorkerIsNotSlowedByPollsThatDoNotWaitWhereMessagesAre(t *testing.T) {
	t.Parallel()
	runBroken(t, func(w *workerTest, broken *brokenQueue, _ *logText) {
		q := &impatientQueue{Queue: broken}
		q.hurried.Store(true)
		for n := range 500 {
			w.dispatchThrough(w.hub, n)
		}
		w.startOn(q, taskhawk.WorkerConfig{})
		pass(time.Millisecond)
		require.Len(w, w.runs(), 500)
	})
}

// hastyQueue fails polls that take longer than limit, as an HTTP client with such a
// timeout does.
type hastyQueue struct {
	taskhawk.Queue
	limit    time.Duration
	receives atomic.Int64
	failed   atomic.Int64
}

func (q *hastyQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	q.receives.Add(1)
	ctx, cancel := context.WithTimeout(ctx, q.limit)
	defer cancel()
	deliveries, err := q.Queue.Receive(ctx, limit, wait.Truncate(time.Second))
	if err != nil {
		q.failed.Add(1)
	}
	return deliveries, err
}

func TestWorkerPollsShorterThanTheTimeoutOfTheClient(t *testing.T) {
	t.Parallel()
	for limit, receives := range map[time.Duration]int64{
		1500 * time.Millisecond: 3600, 2 * time.Second: 3600, 11 * time.Second: 720, time.Second: 4500, 30 * time.Second: 180,
	} {
		t.Run(limit.String(), func(t *testing.T) {
			t.Parallel()
			runBroken(t, func(w *workerTest, broken *brokenQueue, log *logText) {
				q := &hastyQueue{Queue: broken, limit: limit}
				worker := w.startOn(q, taskhawk.WorkerConfig{})
				pass(time.Hour - time.Minute)
				require.LessOrEqual(w, q.receives.Load(), receives, "in an hour")
				if limit > taskhawktest.Wait {
					require.Zero(w, q.failed.Load())
					return
				}
				require.EqualValues(w, 1, q.failed.Load(), "the first one")
				require.Contains(w, log.String(), "raise the timeout of the HTTP client above WaitTime")
				next := map[time.Duration]string{
					1500 * time.Millisecond: "1000", 2 * time.Second: "1000", 11 * time.Second: "5500", time.Second: "0",
				}[limit]
				require.Contains(w, log.String(), "next_wait_ms="+next+" ", "half of the timeout, or a second if that fits")
				require.Zero(w, worker.Health()[0].Failures)
				w.dispatchThrough(w.hub, 1)
				pass(time.Second)
				require.Equal(w, []int{1}, w.runs())
				pass(time.Hour)
				require.EqualValues(w, 2, q.failed.Load(), "an hour later the full wait is tried again")
			})
		})
	}
}

// timeoutError is the error of a call that the client cut off.
type timeoutError struct{}

func (timeoutError) Error() string { return "timeout" }
func (timeoutError) Timeout() bool { return true }

// Only a timeout before the wait is over shows that the client's is too short.
func TestWorkerTakesALateTimeoutForAnyFailure(t *testing.T) {
	t.Parallel()
	runBroken(t, func(w *workerTest, q *brokenQueue, log *logText) {
		late := func() error { time.Sleep(taskhawktest.Wait); return timeoutError{} }
		w.startOn(q, taskhawk.WorkerConfig{})
		pass(2 * time.Second) // the first poll has a shorter wait
		q.receive.Store(&late)
		pass(time.Minute)
		require.Contains(w, log.String(), "receive failed; retrying")
		require.NotContains(w, log.String(), "raise the timeout")
		q.receive.Store(nil)
	})
}

// The first failure of an outage is reported at once, even soon after another outage.
func TestWorkerReportsEachOutageAtOnce(t *testing.T) {
	t.Parallel()
	runBroken(t, func(w *workerTest, q *brokenQueue, log *logText) {
		fail := func() error { return errTest }
		w.startOn(q, taskhawk.WorkerConfig{})
		for range 2 {
			q.receive.Store(&fail)
			w.dispatchThrough(w.hub, 1) // ends the poll in flight
			pass(100 * time.Millisecond)
			q.receive.Store(nil)
			pass(5 * time.Second)
		}
		require.Equal(w, 2, strings.Count(log.String(), "receive failed; retrying"))
	})
}

// A poll asks for as many messages as can start soon: up to Prefetch while tasks are
// quick, fewer if they take longer, and one if they are slow, so that the others stay on
// the queue for other workers.
func TestWorkerPrefetchesByThroughput(t *testing.T) {
	t.Parallel()
	for takes, want := range map[time.Duration]struct{ waiting, receives int }{
		10 * time.Millisecond:  {waiting: 15, receives: 30},
		300 * time.Millisecond: {waiting: 3, receives: 70},
		5 * time.Second:        {waiting: 1, receives: 120},
	} {
		t.Run(takes.String(), func(t *testing.T) {
			t.Parallel()
			const tasks = 100
			synctest.Test(t, func(t *testing.T) {
				w := newWorkerTest(t, func(context.Context, int) error { time.Sleep(takes); return nil })
				q := &brokenQueue{Queue: w.memory.Queues(taskhawk.Default)[0]}
				for n := range tasks {
					w.dispatch(n)
				}
				worker := w.startOn(q, taskhawk.WorkerConfig{Concurrency: 1})
				most := 0
				for range tasks - 1 {
					pass(takes)
					if len(w.runs()) > 2 { // the first tell how long they take
						most = max(most, worker.Stats().Waiting)
					}
				}
				require.Len(t, w.runs(), tasks, "the slot is never free while messages are there")
				require.LessOrEqual(t, most, want.waiting)
				require.LessOrEqual(t, q.receives.Load(), int64(want.receives))
				w.cancel()
				<-w.done
			})
		})
	}
}

// When tasks become slow, fewer messages wait, and when they are quick again, more.
func TestWorkerPrefetchFollowsTheTasks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, func(_ context.Context, n int) error {
			if n < 100 || n >= 200 {
				time.Sleep(10 * time.Millisecond)
				return nil
			}
			time.Sleep(5 * time.Second)
			return nil
		})
		for n := range 400 {
			w.dispatch(n)
		}
		worker := w.start(w.memory.Queues(taskhawk.Default), taskhawk.WorkerConfig{Concurrency: 1})
		most := func(until int) (most int) {
			for len(w.runs()) < until {
				pass(5 * time.Millisecond)
				most = max(most, worker.Stats().Waiting)
			}
			return most
		}
		require.Greater(t, most(100), 5)
		most(140) // what waited already, and some until the mean shows slow tasks
		require.Equal(t, 1, most(199))
		most(260)
		require.Greater(t, most(350), 5)
		w.cancel()
		<-w.done
	})
}

// As many messages wait as start during a receive, so that slots are busy, and no more
// than Prefetch.
func TestWorkerPrefetchesByDemand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		takes             time.Duration
		prefetch, waiting int
		ends              time.Duration
		receives          int64
	}{
		"quick tasks":       {takes: 10 * time.Millisecond, waiting: 30, ends: 1500 * time.Millisecond, receives: 150},
		"half a second":     {takes: 500 * time.Millisecond, waiting: 30, ends: time.Minute, receives: 150},
		"no more than that": {takes: 10 * time.Millisecond, prefetch: 3, waiting: 3, ends: time.Minute, receives: 300},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const tasks = 1000
			synctest.Test(t, func(t *testing.T) {
				w := newWorkerTest(t, sleeping(c.takes))
				q := &distantQueue{Queue: w.memory.Queues(taskhawk.Default)[0], trip: 50 * time.Millisecond}
				for n := range tasks {
					w.dispatch(n)
				}
				start := time.Now()
				worker := w.startOn(q, taskhawk.WorkerConfig{Concurrency: 10, Prefetch: c.prefetch})
				most := 0
				for len(w.runs()) < tasks {
					pass(5 * time.Millisecond)
					most = max(most, worker.Stats().Waiting)
				}
				require.LessOrEqual(t, most, c.waiting)
				require.LessOrEqual(t, time.Since(start), c.ends)
				require.LessOrEqual(t, q.receives.Load(), c.receives)
				w.cancel()
				<-w.done
			})
		})
	}
}

// While a group of an ordered queue fails, messages are received one at a time, since a
// batch would count receives of the messages behind the failing one. That ends when the
// group is done, or does not come back.
func TestWorkerReceivesOneAtATimeWhileAGroupFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		again   bool // the failing message comes back, and fails again
		settled bool // it comes back, and succeeds
		after   time.Duration
	}{
		"a group that recovers":           {settled: true, after: time.Second},
		"a group that fails again":        {again: true, settled: true, after: time.Second},
		"a group that does not come back": {after: 4 * time.Minute}, // twice the backoff, and a minute
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var healed atomic.Bool
			handle := func(_ context.Context, n int) error {
				if n == 1 && !healed.Load() {
					return errTest
				}
				return nil
			}
			runScripted(t, true, handle, func(w *workerTest, q *scriptedQueue, _ *taskhawk.Worker) {
				pass(time.Second)
				require.EqualValues(w, 10, q.limit.Load())
				q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a1", "g"), q.deliver("2", "b", "b1", "h")}
				pass(21 * time.Second)
				require.EqualValues(w, 1, q.limit.Load(), "the next poll")
				pass(time.Minute)
				require.EqualValues(w, 1, q.limit.Load())
				if c.again {
					q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a2", "g")}
					pass(65 * time.Second)
					require.EqualValues(w, 1, q.limit.Load(), "longer than after the first failure")
				}
				healed.Store(true)
				if c.settled {
					q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a3", "g")}
				}
				pass(c.after + 21*time.Second)
				require.EqualValues(w, 10, q.limit.Load())
			})
		})
	}
}

// The worker remembers 1,024 failing groups and forgets further ones. So messages are
// received in batches again when the remembered groups have recovered.
func TestWorkerRemembersABoundedNumberOfFailingGroups(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var healed atomic.Bool
		w := newWorkerTest(t, func(context.Context, int) error {
			if healed.Load() {
				return nil
			}
			return errTest
		})
		q := newAnsweringQueue(true)
		q.changed, q.deleted = make(chan string, 2000), make(chan string, 2000)
		q.begin(w, taskhawk.WorkerConfig{Backoff: func(int) time.Duration { return time.Minute }})
		deliver := func(from, to int) {
			for n := from; n < to; n++ {
				q.batches <- q.group(fmt.Sprint("g", n), fmt.Sprint("m", n))
				synctest.Wait()
			}
			pass(21 * time.Second) // the poll in flight ends
		}
		deliver(0, 1025)
		require.EqualValues(t, 1, q.limit.Load())
		healed.Store(true)
		deliver(0, 1023)
		require.EqualValues(t, 1, q.limit.Load(), "the last one that is remembered")
		deliver(1023, 1024)
		require.EqualValues(t, 10, q.limit.Load())
		w.cancel()
		require.NoError(t, <-w.done)
	})
}

// A stop frees the places in line: the slot goes to the next message, and waiting
// messages are given back.
func TestWorkerStopGivesBackWhatWaitsForASlot(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hold := func(context.Context, int) error { <-release; return nil }
	synctest.Test(t, func(t *testing.T) {
		release = make(chan struct{})
		w := newWorkerTest(t, hold)
		for n := range 8 {
			w.dispatch(n, taskhawk.WithPriority(taskhawk.Priorities()[n%4]))
		}
		worker := w.start(w.memory.Queues(), taskhawk.WorkerConfig{Concurrency: 1})
		pass(2 * time.Second)
		require.Equal(t, 1, worker.Stats().Running)
		require.Equal(t, 4, worker.Stats().Waiting, "one of each queue")
		w.cancel()
		pass(time.Second)
		require.Zero(t, worker.Stats().Waiting)
		require.EqualValues(t, 4, worker.Stats().Released)
		close(release)
		require.NoError(t, <-w.done)
		require.Len(t, w.runs(), 1)
	})
}

package faults_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// takes makes a handler that takes so long.
func takes(d time.Duration) func(context.Context, int) error {
	return func(context.Context, int) error {
		time.Sleep(d)
		return nil
	}
}

// A message comes twice while its first run is under way: it runs once, and is deleted by
// its latest receipt.
func TestT13DuplicatesOfARunningTask(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"in the same batch": sqstest.DuplicateInBatch(0, 1, 2), "in the next batch": sqstest.Redeliver(0, 1, 2),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "a message delivered twice while it runs", Handle: takes(20 * time.Second)}, func(r *env) {
				r.fill(5)
				fault := r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: effect})
				w := r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}})
				r.drain(time.Minute)
				w.stop()
				require.Equal(r, 1, fault.Fired())
				require.Equal(r, 3, r.server.Ledger().Count(sqstest.Duplicated))
				require.Equal(r, 5, r.record.total())
				require.EqualValues(r, 3, w.Stats().Duplicates)
				require.Zero(r, r.server.Ledger().Count(sqstest.DeleteIgnored), "no delete by an old receipt")
				r.Check(want{})
			})
		})
	}
}

// Messages come again and again while tasks are quick: each may run once more for each
// time, and no more.
func TestT13DuplicatesOfQuickTasks(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"in the same batch": sqstest.DuplicateInBatch(0, 1, 2), "in the next batch": sqstest.Redeliver(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup{What: "quick messages delivered twice", Handle: takes(10 * time.Millisecond), Provision: patient()}
			inBubble(t, s, func(r *env) {
				r.server.Inject(sqstest.Fault{Do: sqstest.Delay(5 * time.Millisecond)})
				r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, If: every(3), Do: effect})
				w := r.start(sqsx.WorkerConfig{})
				for range 15 {
					r.fillAll(4)
					time.Sleep(100 * time.Millisecond)
				}
				r.drain(5 * time.Minute)
				w.stop()
				injected := r.server.Ledger().Count(sqstest.Duplicated)
				require.Positive(r, injected)
				r.Check(want{Duplicates: injected, Stranded: injected})
			})
		})
	}
}

// A message comes again after a delete that said it was done.
func TestT13DuplicateAfterDelete(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a message delivered again after its delete"}, func(r *env) {
		r.fill(10)
		fault := r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Nth: 1, Do: sqstest.Pretend()})
		deletes := r.watch(sqstest.OpDeleteMessageBatch)
		w := r.start(sqsx.WorkerConfig{})
		r.drain(time.Minute)
		w.stop()
		require.Equal(r, 1, fault.Fired())
		again := deletes.of("")[0].Entries
		require.Equal(r, 10+again, r.record.total(), "once more for each")
		r.Check(want{Duplicates: again, Stranded: again})
	})
}

// A message comes again while its delete, by the receipt of before, is still on its way:
// it does not run again, and is deleted by the receipt that counts.
func TestT13DuplicateWhileItsDeleteIsUnderWay(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a message delivered again while its delete is under way"}, func(r *env) {
		r.fill(5)
		r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Times: 2, Do: sqstest.Delay(5 * time.Second)})
		w := r.start(sqsx.WorkerConfig{VisibilityTimeout: 2 * time.Second})
		r.drain(time.Minute)
		w.stop()
		require.Positive(r, w.Stats().Duplicates)
		require.Equal(r, 5, r.record.total())
		r.Check(want{Stranded: 5})
	})
}

// failedDelete is one way for the delete of a message to fail, and what comes of it.
type failedDelete struct {
	fault    sqstest.Fault
	requests int  // of deletes, in all
	again    bool // the message comes back, and is deleted then without another run
}

func failedDeletes() map[string]failedDelete {
	unavailable := sqstest.Status(http.StatusServiceUnavailable, "")
	return map[string]failedDelete{
		"request, twice":                     {fault: sqstest.Fault{Times: 2, Do: unavailable}, requests: 3},
		"request, three times":               {fault: sqstest.Fault{Times: 3, Do: unavailable}, requests: 4, again: true},
		"request, after it was applied":      {fault: sqstest.Fault{Times: 2, After: true, Do: sqstest.Reset()}, requests: 3},
		"entry, the sender's fault":          {fault: sqstest.Fault{Times: 1, Do: sqstest.FailEntries("InvalidAddress", true)}, requests: 2, again: true},
		"entry, the service's fault":         {fault: sqstest.Fault{Times: 2, Do: sqstest.FailEntries("InternalError", false)}, requests: 3},
		"entry, after it was applied":        {fault: sqstest.Fault{Times: 2, After: true, Do: sqstest.FailEntries("InternalError", false)}, requests: 3},
		"entry without an answer":            {fault: sqstest.Fault{Times: 1, Do: sqstest.OmitEntries()}, requests: 2},
		"entry without an answer, applied":   {fault: sqstest.Fault{Times: 1, After: true, Do: sqstest.OmitEntries()}, requests: 2},
		"entry without an answer, each time": {fault: sqstest.Fault{Times: 3, Do: sqstest.OmitEntries()}, requests: 4, again: true},
	}
}

// However a delete fails, the task does not run again: it is deleted by another attempt,
// or when its message comes back.
func TestT14FailingDeletes(t *testing.T) {
	t.Parallel()
	for name, c := range failedDeletes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "deletes that fail"}, func(r *env) {
				r.dispatch(0)
				deletes := r.watch(sqstest.OpDeleteMessageBatch)
				c.fault.On = sqstest.OpDeleteMessageBatch
				r.server.Inject(c.fault)
				w := r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}})
				took := r.drain(time.Minute)
				w.stop()
				require.Equal(r, 1, r.record.total())
				require.Equal(r, c.requests, deletes.count(""))
				require.Equal(r, c.again, took > 5*time.Second)
				require.Equal(r, c.again, w.Stats().AlreadyDone == 1)
				r.Check(want{})
			})
		})
	}
}

// Some entries of every second batch fail, in each of the ways.
func TestT14FailingEntriesOfBatches(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"the sender's fault": sqstest.FailEntries("InvalidAddress", true, 0, 3), "without an answer": sqstest.OmitEntries(1, 2),
		"the service's fault": sqstest.FailEntries("InternalError", false, 0, 9),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "entries of deletes that fail", Provision: patient()}, func(r *env) {
				r.fillAll(50)
				fault := r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, If: every(2), Do: effect})
				w := r.start(sqsx.WorkerConfig{})
				r.drain(2 * time.Hour)
				w.stop()
				require.Positive(r, fault.Fired())
				require.Equal(r, 200, r.record.total())
				r.Check(want{Stranded: 50})
			})
		})
	}
}

// A receipt that is old when it arrives deletes nothing, and SQS does not say so: the
// task runs again when its visibility timeout is over, and is deleted then.
func TestT14OldReceipts(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "deletes by old receipts, which do nothing"}, func(r *env) {
		r.fill(10)
		r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.StaleReceipts(2, 3)})
		w := r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}})
		r.drain(time.Minute)
		w.stop()
		require.Equal(r, 2, r.server.Ledger().Count(sqstest.DeleteIgnored))
		require.Equal(r, 12, r.record.total())
		r.Check(want{Duplicates: 2, Stranded: 2})
	})
}

// For ten minutes nothing can be deleted while all else works, as when a permission is
// missing. What is done neither runs again nor becomes a dead letter, and is deleted in
// the end.
func TestT14NoDeletesForTenMinutes(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"unavailable": sqstest.Status(http.StatusServiceUnavailable, ""), "denied": sqstest.Error("AccessDenied", "not allowed"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "no deletes for ten minutes"}, func(r *env) {
				r.fill(10)
				fault := r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Do: effect})
				w := r.start(sqsx.WorkerConfig{})
				time.Sleep(10 * time.Minute)
				require.Equal(r, 10, r.record.total())
				require.Equal(r, 10, r.left())
				fault.Remove()
				r.drain(10 * time.Minute)
				w.stop()
				require.Equal(r, 10, r.record.total())
				r.Check(want{Stranded: 10})
			})
		})
	}
}

// attempts notes the attempt of each run.
type attempts struct {
	mu   sync.Mutex
	seen []int
}

func (a *attempts) handle(ctx context.Context, _ int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, taskhawk.MetadataFrom(ctx).Attempt)
	return nil
}

func (a *attempts) all() []int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen
}

// SQS has handed messages out, and the answer is lost: they run when their visibility
// timeout is over. SQS counts the receive that was lost, so the first run is the second
// attempt.
func TestT18AnswerToReceiveLost(t *testing.T) {
	t.Parallel()
	effects := lostAnswers()
	effects["late"] = sqstest.Delay(10 * time.Second)
	for name, effect := range effects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &attempts{}
			inBubble(t, setup{What: "the answer to a receive is lost", Handle: a.handle}, func(r *env) {
				r.fill(5)
				r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Queue: queueName(taskhawk.Default), Nth: 1, After: true, Do: effect})
				start := time.Now()
				w := r.start(sqsx.WorkerConfig{WaitTime: 5 * time.Second})
				if name == "late" { // by 10 s, and the first call has 11
					r.drain(12 * time.Second)
					require.Equal(r, []int{1, 1, 1, 1, 1}, a.all())
				} else {
					r.drain(time.Minute)
					require.Equal(r, []int{2, 2, 2, 2, 2}, a.all())
					require.InDelta(r, 30, r.record.runTimes(0)[0].Sub(start).Seconds(), 1.1)
				}
				w.stop()
				r.Check(want{Stranded: 5})
			})
		})
	}
}

// A stop comes while the answer is on its way. A worker that lets its polls end gives the
// messages back at once; one that aborts them leaves them to their visibility timeout.
// None is lost.
func TestT18StopBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	for name, abort := range map[string]bool{"polls end by themselves": false, "polls are aborted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &attempts{}
			inBubble(t, setup{What: "a stop while the answer to a receive is on its way", Handle: a.handle}, func(r *env) {
				r.fill(5)
				r.server.Inject(sqstest.Fault{
					On: sqstest.OpReceiveMessage, Nth: 1, Queue: queueName(taskhawk.Default), After: true, Do: sqstest.Delay(200 * time.Millisecond),
				})
				w := r.start(sqsx.WorkerConfig{AbortPolls: abort})
				time.Sleep(100 * time.Millisecond)
				took := w.stop()
				require.Equal(r, abort, took < time.Millisecond)
				require.LessOrEqual(r, took, 21*time.Second)
				require.Empty(r, a.all())
				queue := r.server.Queue(queueName(taskhawk.Default))
				require.Equal(r, map[bool]int{true: 5, false: 0}[abort], queue.InFlight)

				again := r.start(sqsx.WorkerConfig{})
				r.drain(sqsx.DefaultVisibilityTimeout)
				again.stop()
				require.Equal(r, []int{2, 2, 2, 2, 2}, a.all())
				r.Check(want{})
			})
		})
	}
}

// A poll that was aborted lives on at SQS and takes what arrives: it comes back after its
// visibility timeout.
func TestT18OrphanedPoll(t *testing.T) {
	t.Parallel()
	a := &attempts{}
	inBubble(t, setup{What: "an aborted poll that takes messages at SQS", Handle: a.handle}, func(r *env) {
		r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Times: 4, Do: sqstest.OrphanPoll()})
		w := r.start(sqsx.WorkerConfig{AbortPolls: true})
		time.Sleep(time.Second / 2)
		require.LessOrEqual(r, w.stop(), time.Second)
		r.fill(5)
		again := r.start(sqsx.WorkerConfig{})
		r.drain(time.Minute)
		again.stop()
		require.Equal(r, []int{2, 2, 2, 2, 2}, a.all())
		r.Check(want{Stranded: 5})
	})
}

// The clocks of program and service are an hour apart, from one moment to the next, and
// then agree again: requests are refused until the SDK has corrected their signatures,
// which each call has the attempts for. Heartbeats come neither early nor late.
func TestT19ClocksApart(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"an hour ahead": time.Hour, "an hour behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "the clocks of program and service an hour apart", Handle: takes(100 * time.Second)}, func(r *env) {
				beats := r.watch(sqstest.OpChangeMessageVisibilityBatch)
				w := r.start(sqsx.WorkerConfig{})
				time.Sleep(time.Minute)
				wrong := r.server.Inject(sqstest.Fault{Do: sqstest.ClockSkew(skew)})
				sent := time.Now()
				r.dispatch(0)
				require.LessOrEqual(r, time.Since(sent), 5*time.Second)
				r.drain(3 * time.Minute)
				first := r.record.runTimes(0)[0]
				require.Equal(r, 6, beats.count(""))
				for i, call := range beats.of("") {
					require.WithinDuration(r, first.Add(time.Duration(i+1)*15*time.Second), call.Time, 100*time.Millisecond)
				}

				wrong.Remove()
				r.dispatch(1)
				r.drain(3 * time.Minute)
				w.stop()
				require.Zero(r, w.Stats().LostLeases)
				r.Check(want{})
			})
		})
	}
}

// What the worker counts from carries a monotonic clock reading, so that a jump of the
// wall clock moves no heartbeat. Not in a bubble, whose time has none.
func TestT19MonotonicTimeOverLoopback(t *testing.T) {
	t.Parallel()
	var monotonic atomic.Int32
	r := newEnv(t, setup{What: "a jump of the wall clock", Loopback: true, Handle: func(ctx context.Context, _ int) error {
		d := taskhawk.DeliveryFrom(ctx)
		for _, moment := range []time.Time{d.Received, d.LeaseEnds} {
			if strings.Contains(moment.String(), " m=") {
				monotonic.Add(1)
			}
		}
		return nil
	}})
	r.dispatch(0)
	w := r.start(sqsx.WorkerConfig{WaitTime: time.Second})
	r.drain(time.Minute)
	w.stop()
	require.EqualValues(r, 2, monotonic.Load())
	r.Check(want{})
}

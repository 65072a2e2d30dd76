package faults_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// slowness is how an endpoint can fail to answer.
func slowness() map[string]sqstest.Effect {
	return map[string]sqstest.Effect{"silent": sqstest.Silence(), "dripping": sqstest.Drip(200 * time.Millisecond)}
}

// Every operation hangs for five minutes: its calls end by their deadlines, and afterwards all goes on.
func TestT03SilentAndDrippingEndpoints(t *testing.T) {
	t.Parallel()
	for name, effect := range slowness() {
		for _, operation := range transportOperations() {
			t.Run(name+" "+operation, func(t *testing.T) {
				t.Parallel()
				s := setup{
					What:      "an endpoint that is silent, or drips a byte every 200 ms",
					Handle:    mixedWork(100*time.Millisecond, 20*time.Second, time.Second),
					Provision: patient(),
				}
				inBubble(t, s, func(r *rig) { hangs(r, operation, effect) })
			})
		}
	}
}

func hangs(r *rig, operation string, effect sqstest.Effect) {
	r.Helper()
	r.fill(20)
	w := r.start(sqsx.WorkerConfig{VisibilityTimeout: 30 * time.Second})
	fault := r.server.Inject(sqstest.Fault{On: operation, Do: effect})
	calls := r.watch(operation)
	r.dispatchWithin(allTimeout)
	time.Sleep(5 * time.Minute)
	require.Positive(r, fault.Fired())
	if operation == sqstest.OpReceiveMessage {
		require.GreaterOrEqual(r, len(calls.of(queueName(taskhawk.Default))), 4, "the poller goes on")
	}
	fault.Remove()
	limit := 2 * time.Minute
	if operation == sqstest.OpDeleteMessageBatch {
		limit = 70 * time.Minute // what is done and could not be deleted stays hidden, for an hour at most
	}
	r.drain(limit)
	require.LessOrEqual(r, w.stop(), 21*time.Second)
	require.GreaterOrEqual(r, r.book.distinct(), 20)
	copies := 0
	if operation == sqstest.OpSendMessageBatch {
		copies = 2 // the three attempts of one task
	}
	r.Check(want{Duplicates: copies, Stranded: stranded(operation, true, fault)})
}

// allTimeout is how long all attempts of a call take at most.
const allTimeout = 20 * time.Second

// dispatchWithin dispatches a task, which may fail, but not take longer than limit.
func (r *rig) dispatchWithin(limit time.Duration) {
	r.Helper()
	start := time.Now()
	_, err := r.tryDispatch(1000)
	require.LessOrEqual(r, time.Since(start), limit)
	if err != nil {
		require.ErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
	}
}

// A stop does not wait for what hangs longer than its grace period.
func TestT03StopWhileSilent(t *testing.T) {
	t.Parallel()
	s := setup{What: "a stop while every call hangs", Handle: mixedWork(10*time.Second, 10*time.Second, time.Second)}
	inBubble(t, s, func(r *rig) {
		r.fill(5)
		w := r.start(sqsx.WorkerConfig{GracePeriod: 5 * time.Second})
		time.Sleep(8 * time.Second)
		fault := r.server.Inject(sqstest.Fault{Do: sqstest.Silence()})
		require.LessOrEqual(r, w.stopLate(), 6*time.Second)
		fault.Remove()
		again := r.start(sqsx.WorkerConfig{})
		r.drain(2 * time.Minute)
		again.stop()
		r.Check(want{Duplicates: 5})
	})
}

// Over TCP, a poll that drips or is silent ends after its wait and ten seconds, and the poller goes on.
func TestT03SlowPollsOverLoopback(t *testing.T) {
	t.Parallel()
	for name, effect := range slowness() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{What: "a TCP connection that is silent, or drips a byte every 200 ms", Loopback: true})
			r.dispatch(1)
			fault := r.server.Inject(sqstest.Fault{
				On: sqstest.OpReceiveMessage, Queue: queueName(taskhawk.Default), Nth: 1, Do: effect,
			})
			start := time.Now()
			w := r.start(sqsx.WorkerConfig{WaitTime: time.Second, VisibilityTimeout: 2 * time.Second})
			r.drain(time.Minute)
			// How soon exactly is judged in virtual time: a busy machine is late.
			require.GreaterOrEqual(r, time.Since(start), 11*time.Second, "the wait and 10 s")
			require.Equal(r, 1, fault.Fired())
			w.stop()
			require.Equal(r, 1, r.book.runs(1))
			r.Check(want{})
		})
	}
}

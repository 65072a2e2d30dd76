package faults_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

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

// SQS has handed messages out, and the answer is lost: they run when their visibility timeout is over. SQS counts the receive that
// nobody saw, so the first run is the second attempt.
func TestT18AnswerToReceiveLost(t *testing.T) {
	t.Parallel()
	for name, effect := range lostAnswers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &attempts{}
			inBubble(t, setup{What: "the answer to a receive is lost", Handle: a.handle}, func(r *rig) {
				r.fill(5)
				r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Queue: queueName(taskhawk.Default), Nth: 1, After: true, Do: effect})
				start := time.Now()
				w := r.start(sqsx.WorkerConfig{WaitTime: 5 * time.Second})
				if name == "late" { // by 11 s, and the call has 15
					r.drain(12 * time.Second)
					require.Equal(r, []int{1, 1, 1, 1, 1}, a.all())
				} else {
					r.drain(time.Minute)
					require.Equal(r, []int{2, 2, 2, 2, 2}, a.all())
					require.InDelta(r, 30, r.book.runTimes(0)[0].Sub(start).Seconds(), 1.1)
				}
				w.stop()
				r.Check(want{Stranded: 5})
			})
		})
	}
}

// A stop comes while the answer is on its way. A worker that lets its polls end gives the messages back at once; one that aborts
// them leaves them to their visibility timeout. None is lost.
func TestT18StopBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	for name, abort := range map[string]bool{"polls end by themselves": false, "polls are aborted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &attempts{}
			inBubble(t, setup{What: "a stop while the answer to a receive is on its way", Handle: a.handle}, func(r *rig) {
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

// A poll that was aborted lives on at SQS and takes what arrives: it comes back after its visibility timeout.
func TestT18OrphanedPoll(t *testing.T) {
	t.Parallel()
	a := &attempts{}
	inBubble(t, setup{What: "an aborted poll that takes messages at SQS", Handle: a.handle}, func(r *rig) {
		r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Times: 4, Do: sqstest.OrphanPoll()})
		w := r.start(sqsx.WorkerConfig{AbortPolls: true})
		time.Sleep(time.Second)
		require.LessOrEqual(r, w.stop(), time.Second)
		r.fill(5)
		again := r.start(sqsx.WorkerConfig{})
		r.drain(time.Minute)
		again.stop()
		require.Equal(r, []int{2, 2, 2, 2, 2}, a.all())
		r.Check(want{Stranded: 5})
	})
}

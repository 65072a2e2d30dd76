package faults_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// One of ten messages arrives with a wrong MD5: the nine run at once, and the tenth is left alone until it comes again.
func TestT12OneWrongMD5OfTen(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a wrong MD5 on one message of ten"}, func(r *rig) {
		ids := r.fill(10)
		fault := r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.CorruptMD5(4)})
		w := r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}})
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(r, 1, fault.Fired())
		require.Equal(r, 9, r.book.total())
		require.Zero(r, r.book.runs(4))
		require.Equal(r, 1, r.left())
		require.Len(r, r.sink.lines("message arrived damaged, left for another delivery"), 1)
		require.EqualValues(r, 1, w.Stats().Requests.Damaged)
		require.Zero(r, countOf(r.server.Ledger().Of(ids[4]), sqstest.VisibilityChanged))

		r.drain(sqsx.DefaultVisibilityTimeout)
		w.stop()
		require.Equal(r, 1, r.book.runs(4))
		r.Check(want{Stranded: 1})
	})
}

// A message that never arrives whole reaches the dead-letter queue by redrive, and holds up no other.
func TestT12WrongMD5ForEver(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a wrong MD5 with every receive of one queue"}, func(r *rig) {
		r.dispatch(0)
		r.dispatch(1, taskhawk.WithPriority(taskhawk.High))
		r.server.Inject(sqstest.Fault{
			On: sqstest.OpReceiveMessage, Queue: queueName(taskhawk.Default), Do: sqstest.CorruptMD5(),
		})
		w := r.start(sqsx.WorkerConfig{})
		r.drain(10 * time.Minute)
		w.stop()
		require.Zero(r, r.book.runs(0))
		require.Equal(r, 1, r.book.runs(1))
		require.EqualValues(r, 5, w.Stats().Requests.Damaged)
		r.Check(want{Dead: 1, Stranded: 1})
	})
}

// countOf is how many of the events are of a kind.
func countOf(events []sqstest.Event, kind sqstest.Kind) int {
	n := 0
	for _, e := range events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

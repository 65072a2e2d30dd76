package taskhawktest

import (
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func (t *transportTest) publishesConcurrently() {
	const goroutines, each = 8, 10
	var group sync.WaitGroup
	errs := make([]error, goroutines*each)
	for g := range goroutines {
		group.Go(func() {
			for n := g * each; n < (g+1)*each; n++ {
				errs[n] = t.Publisher.Publish(t.Context(), outgoing(n, taskhawk.Default))
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	t.requireDrained(goroutines * each)
}

func (t *transportTest) publishesBatches() {
	publisher, ok := t.Publisher.(taskhawk.BatchPublisher)
	if !ok {
		return // not every transport has batches
	}
	const total = 23 // three calls of at most ten
	outs := make([]*taskhawk.Outgoing, total)
	for n := range outs {
		outs[n] = outgoing(n, taskhawk.Default)
	}
	errs := publisher.PublishBatch(t.Context(), outs)
	require.Len(t, errs, total)
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Empty(t, publisher.PublishBatch(t.Context(), nil))
	t.requireDrained(total)
}

// requireDrained receives and deletes everything, and wants n different messages.
func (t *transportTest) requireDrained(n int) {
	queue, got := t.queue(taskhawk.Default), map[string]bool{}
	for {
		deliveries := t.receive()
		if len(deliveries) == 0 {
			break
		}
		for _, d := range deliveries {
			got[parsed(t, d).ID] = true
			require.NoError(t, queue.Delete(t.Context(), d))
		}
	}
	require.Len(t, got, n)
}

package sqsx_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// callLog keeps the requests that it observes.
type callLog struct {
	mu    sync.Mutex
	calls []taskhawk.Call
	lines []string
}

func (l *callLog) Call(ctx context.Context, call *taskhawk.Call) (context.Context, func(messages int, err error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, *call)
	return ctx, func(messages int, err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, fmt.Sprintf("%s %s: %d of %d, failed %t", call.Method, call.Queue, messages, call.Messages, err != nil))
	}
}

func (*callLog) Settled(context.Context, *taskhawk.Settlement) {}

func (l *callLog) seen() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// observe puts a hub with the observer in the place of r's.
func (r *env) observe(observer taskhawk.Observer) context.Context {
	publisher, err := sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{})
	require.NoError(r, err)
	r.hub, err = taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{r.number}, Logger: slog.New(slog.DiscardHandler), Observer: observer,
	})
	require.NoError(r, err)
	return taskhawk.ContextWithHub(r.Context(), r.hub)
}

func TestObserverSeesTheRequestsOfAPublisher(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, log := newEnv(t, succeed), &callLog{}
		ctx := r.observe(log)
		_, err := r.number.DispatchAll(ctx, numbers(3))
		require.NoError(t, err)
		r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.Status(500, "down")})
		_, err = r.number.Dispatch(ctx, numberArgs{})
		require.Error(t, err)

		queue := *name(taskhawk.Default)
		failed := "SendMessageBatch " + queue + ": 0 of 1, failed true"
		require.Equal(t, []string{"SendMessageBatch " + queue + ": 3 of 3, failed false", failed, failed, failed}, log.seen())
		require.Len(t, log.calls[0].Sent, 3)
		require.Equal(t, "tests.number", log.calls[0].Sent[0].Task)
		require.Equal(t, "aws_sqs", log.calls[0].System)
	})
}

func TestObserverSeesTheRequestsOfAWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, func(_ context.Context, n int) error {
			return []error{nil, errTest, taskhawk.Permanent(errTest)}[n]
		})
		log := &callLog{}
		ctx := r.observe(log)
		for n := range 3 {
			_, err := r.number.Dispatch(ctx, numberArgs{N: n})
			require.NoError(t, err)
		}
		sends := len(log.seen())
		r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}, Concurrency: 3})
		time.Sleep(2 * time.Second)
		queue := *name(taskhawk.Default)
		seen := log.seen()[sends:]
		require.Contains(t, seen, "ReceiveMessage "+queue+": 3 of 0, failed false")
		require.Contains(t, seen, "ChangeMessageVisibilityBatch "+queue+": 1 of 1, failed false")
		require.Contains(t, seen, "SendMessageBatch "+sqsx.DeadLetterQueueName(queue)+": 1 of 1, failed false")
		deleted := slices.Contains(seen, "DeleteMessageBatch "+queue+": 2 of 2, failed false") ||
			slices.Contains(seen, "DeleteMessageBatch "+queue+": 1 of 1, failed false")
		require.True(t, deleted, seen)
		r.stop()
	})
}

func TestObserverSeesTheRequestsOfASettlerThroughTheHubOfTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, log := newEnv(t, succeed), &callLog{}
		ctx := r.observe(log)
		settler, err := sqsx.NewSettler(r.client, sqsx.SettlerConfig{})
		require.NoError(t, err)
		d := &taskhawk.Delivery{Queue: *name(taskhawk.Default), Receipt: "none"}
		require.Error(t, settler.Delete(ctx, d))
		require.Error(t, settler.Delete(t.Context(), d))
		require.Equal(t, []string{"DeleteMessageBatch " + d.Queue + ": 0 of 1, failed false"}, log.seen(), "its entry failed, not the request")
	})
}

func TestAPublisherSaysWhereItSends(t *testing.T) {
	t.Parallel()
	publisher, err := sqsx.NewPublisher(sqstest.NewUnstartedServer().Client(), app, sqsx.PublisherConfig{})
	require.NoError(t, err)
	require.Equal(t, taskhawk.Destination{System: "aws_sqs", Name: "TASKHAWK-DEV-MYAPP-HIGH-PRIORITY"},
		publisher.Destination(taskhawk.High))
}

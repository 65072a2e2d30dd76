package lambdax_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// loop is an application whose tasks go over topics to the queues of a worker.
type loop struct {
	*topicEnv
	task   *taskhawk.Task[doArgs]
	worker *sqsx.Worker

	mu  sync.Mutex
	ran []taskhawk.Metadata
	sum []int
}

func newLoop(r *topicEnv, suffix string, raw bool) *loop {
	r.Helper()
	naming := func(queue string, priority taskhawk.Priority) string { return sqsx.QueueName(queue, priority) + suffix }
	require.NoError(r, sqsx.Provision(r.Context(), r.Client(), app, sqsx.ProvisionConfig{Naming: naming}))
	for _, priority := range taskhawk.Priorities() {
		_, err := r.client.Subscribe(r.Context(), &sns.SubscribeInput{
			TopicArn: aws.String("arn:aws:sns:us-east-1:000000000000:" + r.config.Naming(app, priority)),
			Protocol: aws.String("sqs"), Endpoint: aws.String(r.Queue(naming(app, priority)).ARN),
			Attributes: map[string]string{"RawMessageDelivery": fmt.Sprint(raw)},
		})
		require.NoError(r, err)
	}
	l := &loop{topicEnv: r}
	l.task = taskhawk.New("do", l.run)
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Publisher: r.publisher(), Tasks: []taskhawk.AnyTask{l.task}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(r, err)
	l.worker, err = sqsx.NewWorker(r.Client(), app, hub, sqsx.WorkerConfig{Naming: naming, AbortPolls: true})
	require.NoError(r, err)
	r.ResetCounts() // Provision asks whether queues exist
	return l
}

func (l *loop) run(ctx context.Context, args doArgs) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ran, l.sum = append(l.ran, taskhawk.MetadataFrom(ctx)), append(l.sum, args.N)
	return nil
}

// work runs the worker for a minute.
func (l *loop) work() {
	l.Helper()
	ctx, cancel := context.WithCancel(l.Context())
	done := make(chan error)
	go func() { done <- l.worker.Run(ctx) }()
	time.Sleep(time.Minute)
	cancel()
	require.NoError(l, <-done)
}

// What is dispatched on topics runs once on a worker of the subscribed queues, with
// headers, priority, group and id intact.
func TestTasksGoOverTopicsToQueues(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", ".fifo"} {
		for _, raw := range []bool{true, false} {
			t.Run(strings.TrimPrefix(fmt.Sprintf("%s raw=%t", suffix, raw), " "), func(t *testing.T) {
				t.Parallel()
				onTopics(t, suffix, func(r *topicEnv) { testLoop(newLoop(r, suffix, raw)) })
			})
		}
	}
}

func testLoop(l *loop) {
	ids := map[string]taskhawk.Priority{}
	for n := range 40 {
		priority := taskhawk.Priorities()[n%4]
		id, err := l.task.Dispatch(l.Context(), doArgs{N: n, Do: "<é> "}, taskhawk.WithPriority(priority), taskhawk.WithGroup("tenant"),
			taskhawk.WithHeaders(taskhawk.Headers{"request_id": fmt.Sprint(n), "odd name": "v", "traceparent": "p"}))
		require.NoError(l, err)
		ids[id] = priority
	}
	l.work()
	require.Len(l, l.ran, 40)
	order := map[taskhawk.Priority][]int{}
	for i, m := range l.ran {
		require.Equal(l, ids[m.ID], m.Priority)
		require.Equal(l, taskhawk.Headers{"request_id": fmt.Sprint(l.sum[i]), "odd name": "v", "traceparent": "p"}, m.Headers)
		require.Equal(l, 1, m.Attempt)
		order[m.Priority] = append(order[m.Priority], l.sum[i])
		delete(ids, m.ID)
	}
	require.Empty(l, ids)
	if strings.HasSuffix(l.config.Naming(app, taskhawk.Default), ".fifo") {
		for _, ns := range order {
			require.IsIncreasing(l, ns)
		}
	}
	audit := l.Ledger().Audit()
	require.Equal(l, "40 40 0 0", fmt.Sprint(audit.Accepted, " ", audit.Deleted, " ", audit.Left, " ", audit.Dead))
	require.Equal(l, 40, l.total())
	require.Zero(l, l.Ledger().Count(sqstest.Discarded))
	require.Empty(l, l.ClientErrors())
}

// The same application on a function: a topic hands its messages to lambdax.SNS.
func TestTasksGoOverTopicsToFunctions(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		l := newLoop(r, "", true)
		hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{l.task}, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(r, err)
		recorded := r.recorded("taskhawk-dev-myapp")
		ids := map[string]bool{}
		p := r.publisher()
		for n := range 10 {
			out := outgoing(n)
			require.NoError(r, p.Publish(r.Context(), out))
			ids[out.ID] = true
			synctest.Wait()
		}
		require.Len(r, *recorded, 10)
		handle := must(lambdax.SNS(hub, lambdax.SNSConfig{}))
		for _, text := range *recorded {
			var event events.SNSEvent
			require.NoError(r, json.Unmarshal([]byte(text), &event))
			require.NoError(r, handle(r.Context(), event))
		}
		for _, m := range l.ran {
			require.Equal(r, taskhawk.Headers{"h": "v"}, m.Headers)
			delete(ids, m.ID)
		}
		require.Empty(r, ids)
	})
}

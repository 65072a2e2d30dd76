package faults_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// A queue feeds a function whose process is killed again and again: every task ends, done or as a dead letter, and none is lost.
func TestT47QueueFeedsAProcessThatIsKilled(t *testing.T) {
	t.Parallel()
	const tasks = 60
	server := sqstest.NewServer()
	defer server.Close()
	client := server.Client()
	require.NoError(t, sqsx.Provision(t.Context(), client, app, sqsx.ProvisionConfig{VisibilityTimeout: 2 * time.Second, MaxReceiveCount: 1000}))
	r := startFunction(t, "a queue feeds a function that is killed", functionConfig{Partial: true, Visibility: true}, func(c *lambdatest.Config) {
		c.Env["AWS_ENDPOINT_URL_SQS"] = server.URL
	})
	queue := queueName(taskhawk.Default)
	permanent := map[string]bool{}
	list := orders(make([]string, tasks)...)
	for i := range list {
		list[i].do, list[i].takes = []string{"ok", "recover", "ok", "permanent", "ok"}[i%5], 5*time.Millisecond
	}
	r.number(list)
	for _, o := range list {
		permanent[fmt.Sprintf("task-%d", o.n)] = o.do == "permanent"
		url, body := server.Queue(queue).URL, o.text()
		_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body})
		require.NoError(t, err)
	}

	source, err := server.EventSource(queue, time.Second)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	mapping := lambdatest.Mapping{Source: source, Function: r, ReportBatchItemFailures: true, Observe: func(lambdatest.Batch) {
		if len(server.Queue(queue).Messages) == 0 {
			cancel()
		}
	}}
	go func() {
		for range 3 {
			select {
			case <-time.After(50 * time.Millisecond):
				_ = r.Signal(syscall.SIGKILL)
			case <-ctx.Done():
				return
			}
		}
	}()
	require.NoError(t, mapping.Run(ctx))

	require.Empty(t, server.Queue(queue).Messages)
	letters := server.Queue(queue + "-DLQ").Messages
	buried := map[string]bool{}
	for _, letter := range letters {
		buried[keyOf(letter.Body)] = true
		require.True(t, permanent[keyOf(letter.Body)], "only what failed for good")
	}
	require.Len(t, buried, tasks/5)
	require.Len(t, r.ranOf(list), tasks)
	require.Greater(t, r.Starts(), 1)
	r.found.Tasks += tasks
	r.check()
}

package main

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/examples/service/tasks"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestWorkerRunsWhatWaitsUntilItIsStopped is not parallel: it sets the SDK's variables.
func TestWorkerRunsWhatWaitsUntilItIsStopped(t *testing.T) {
	server := sqstest.NewServer()
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL_SQS", server.URL)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_PROFILE", "") // and no other setting of a developer's own
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_CA_BUNDLE", "")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"-provision", "-queue", "test-service", "-wait", "1s"}, slog.New(slog.DiscardHandler))
	}()
	polled := func() bool { return server.Requests(sqstest.OpReceiveMessage) > 0 }
	require.Eventually(t, polled, time.Minute, time.Millisecond, "the queues are there")

	publisher, err := sqsx.NewPublisher(server.Client(), "test-service", sqsx.PublisherConfig{})
	require.NoError(t, err)
	hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher})
	require.NoError(t, err)
	_, err = tasks.SendWelcome.Dispatch(taskhawk.ContextWithHub(ctx, hub), tasks.SendWelcomeArgs{Email: "ann@example.com"})
	require.NoError(t, err)
	deleted := func() bool { return len(server.Queue(sqsx.QueueName("test-service", taskhawk.High)).Messages) == 0 }
	require.Eventually(t, deleted, time.Minute, time.Millisecond)
	stop()
	require.NoError(t, <-done)
	require.Equal(t, map[string]int{"QueueDoesNotExist": 8}, server.ClientErrors(), "what Provision looked for and made")
}

func TestWorkerRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	require.Error(t, run(t.Context(), []string{"-nonsense"}, slog.New(slog.DiscardHandler)))
}

package sqsx_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

func TestConforms(t *testing.T) {
	t.Parallel()
	taskhawktest.TestTransport(t, func(t *testing.T) taskhawktest.Transport {
		t.Helper()
		server := sqstest.NewUnstartedServer()
		t.Cleanup(server.Close)
		client := server.Client()
		require.NoError(t, sqsx.Provision(t.Context(), client, app, sqsx.ProvisionConfig{
			MaxReceiveCount: taskhawktest.MaxReceive, VisibilityTimeout: taskhawktest.Visibility,
		}))
		publisher, err := sqsx.NewPublisher(client, app, sqsx.PublisherConfig{})
		require.NoError(t, err)
		hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{idle}})
		require.NoError(t, err)
		worker, err := sqsx.NewWorker(client, app, hub, sqsx.WorkerConfig{WaitTime: taskhawktest.Wait})
		require.NoError(t, err)
		return taskhawktest.Transport{
			Publisher: publisher, Queues: sqsx.Queues(worker),
			DeadLetters: func(_ context.Context, priority taskhawk.Priority) ([]string, error) {
				var bodies []string
				for _, message := range server.Queue(letters(priority)).Messages {
					bodies = append(bodies, message.Body)
				}
				return bodies, nil
			},
		}
	})
}

package sqsx_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// elderAPI is a service that knows only the older name of the parameter that asks for
// system attributes.
type elderAPI struct{ sqsx.API }

func (a elderAPI) ReceiveMessage(
	ctx context.Context, in *sqs.ReceiveMessageInput, options ...func(*sqs.Options),
) (*sqs.ReceiveMessageOutput, error) {
	known := *in
	known.MessageSystemAttributeNames = nil
	return a.API.ReceiveMessage(ctx, &known, options...)
}

func TestWorkerAsksForSystemAttributesByBothNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var attempts []int
		r := newEnv(t, func(ctx context.Context, _ int) error {
			attempts = append(attempts, taskhawk.MetadataFrom(ctx).Attempt)
			return taskhawk.RetryAfter(0, errTest)
		})
		worker, err := sqsx.NewWorker(elderAPI{r.client}, app, r.hub, sqsx.WorkerConfig{})
		require.NoError(t, err)
		r.run(worker)
		r.dispatch(1)
		time.Sleep(time.Minute)
		r.stop()
		require.Equal(t, []int{1, 2, 3, 4, 5}, attempts)
		require.EqualValues(t, 5, worker.Stats().Lag.Count)
	})
}

// transport is an HTTP client below an http.Client.
type transport struct{ sqs.HTTPClient }

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) { return t.Do(request) }

func TestWorkerPollsShorterThanTheTimeoutOfItsHTTPClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		var log bytes.Buffer
		hub, err := taskhawk.NewHub(taskhawk.Config{
			Tasks: []taskhawk.AnyTask{r.number}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		require.NoError(t, err)
		client := r.server.Client(func(o *sqs.Options) {
			o.HTTPClient = &http.Client{Transport: transport{r.server.HTTPClient()}, Timeout: 2 * time.Second}
		})
		worker, err := sqsx.NewWorker(client, app, hub, sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}})
		require.NoError(t, err)
		r.run(worker)
		time.Sleep(10 * time.Minute)
		r.stop()
		require.Zero(t, worker.Health()[0].Failures)
		require.Contains(t, log.String(), "raise the timeout of the HTTP client above WaitTime")
		require.Contains(t, log.String(), "wait_ms=20000 timeout_ms=2000 next_wait_ms=1000")
		requests := worker.Stats().Requests
		require.EqualValues(t, 1, requests.Receives.Calls-requests.EmptyReceives, "one poll failed")
	})
}

// Messages with the same attributes share a map, and each has its own attributes all the
// same.
func TestDeliveriesHaveTheirOwnAttributes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		worker, err := sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}})
		require.NoError(t, err)
		traces := []string{"00-1", "00-1", "00-2", "", "00-1"}
		for n, trace := range traces {
			headers := taskhawk.Headers{}
			if trace != "" {
				headers["traceparent"] = trace
			}
			r.dispatch(n, taskhawk.WithHeaders(headers))
		}
		deliveries, err := sqsx.Queues(worker)[0].Receive(t.Context(), 10, 0)
		require.NoError(t, err)
		require.Len(t, deliveries, len(traces))
		for n, trace := range traces {
			want := map[string]string{"taskhawk_task": "tests.number"}
			if trace != "" {
				want["traceparent"] = trace
			}
			require.Equal(t, want, deliveries[n].Attributes)
		}
		shared := func(a, b int) bool {
			return reflect.ValueOf(deliveries[a].Attributes).Pointer() == reflect.ValueOf(deliveries[b].Attributes).Pointer()
		}
		require.True(t, shared(0, 1))
		require.False(t, shared(1, 2))
	})
}

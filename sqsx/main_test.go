package sqsx_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// app is the application that all tests are about.
const app = "dev-myapp"

var errTest = errors.New("test error")

type numberArgs struct{ N int }

// env is an application on an embedded server: in process, so that it runs in a synctest
// bubble.
type env struct {
	*testing.T
	server *sqstest.Server
	client *sqs.Client
	hub    *taskhawk.Hub
	number *taskhawk.Task[numberArgs]
	cancel context.CancelFunc
	done   chan error
}

// newEnv makes the server, the queues and a hub with one task.
func newEnv(t *testing.T, handle func(ctx context.Context, n int) error, options ...taskhawk.TaskOption) *env {
	t.Helper()
	r := &env{T: t, server: sqstest.NewUnstartedServer(), done: make(chan error, 1)}
	t.Cleanup(r.server.Close)
	r.client = r.server.Client()
	require.NoError(t, sqsx.Provision(t.Context(), r.client, app, sqsx.ProvisionConfig{}))
	publisher, err := sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{})
	require.NoError(t, err)
	r.number = taskhawk.New("tests.number", func(ctx context.Context, args numberArgs) error {
		return handle(ctx, args.N)
	}, options...)
	r.hub, err = taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{r.number}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return r
}

func succeed(context.Context, int) error { return nil }

func (r *env) dispatch(n int, options ...taskhawk.DispatchOption) {
	r.Helper()
	_, err := r.number.Dispatch(r.Context(), numberArgs{N: n}, options...)
	require.NoError(r, err)
}

// start runs a worker until stop.
func (r *env) start(config sqsx.WorkerConfig) {
	r.Helper()
	worker, err := sqsx.NewWorker(r.client, app, r.hub, config)
	require.NoError(r, err)
	r.run(worker)
}

// defaultQueue is for tests of hours: polls of queues without messages take most of them.
func defaultQueue() sqsx.WorkerConfig {
	return sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}}
}

// run runs a worker until stop.
func (r *env) run(worker *sqsx.Worker) {
	ctx, cancel := context.WithCancel(r.Context())
	r.cancel = cancel
	go func() { r.done <- worker.Run(ctx) }()
}

func (r *env) stop() {
	r.Helper()
	r.cancel()
	require.NoError(r, <-r.done)
}

func name(priority taskhawk.Priority) *string {
	queue := sqsx.QueueName(app, priority)
	return &queue
}

// deleteQueue deletes a queue, and waits until SQS no longer knows it.
func (r *env) deleteQueue(name string) {
	r.Helper()
	url, err := r.client.GetQueueUrl(r.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
	require.NoError(r, err)
	_, err = r.client.DeleteQueue(r.Context(), &sqs.DeleteQueueInput{QueueUrl: url.QueueUrl})
	require.NoError(r, err)
	time.Sleep(2 * time.Minute)
}

// messages are those on a queue, in flight or not.
func (r *env) messages(queue string) []sqstest.Message { return r.server.Queue(queue).Messages }

func (r *env) requireEmpty() {
	r.Helper()
	for _, priority := range taskhawk.Priorities() {
		require.Empty(r, r.messages(*name(priority)))
	}
}

func (r *env) requireNoneInFlight() {
	r.Helper()
	for _, priority := range taskhawk.Priorities() {
		require.Zero(r, r.server.Queue(*name(priority)).InFlight)
	}
}

// idle is a task for hubs that have to have one.
var idle = taskhawk.New("tasks.idle", func(context.Context, struct{}) error { return nil })

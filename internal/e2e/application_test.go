//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// application is the queue name of the application that runs on every service.
const application = "dev-e2e"

type jobArgs struct {
	N    int
	Text string
}

// An application provisions its queues, publishes, works, buries a task and moves it
// back, on every service alike.
func TestApplicationRunsOnEveryService(t *testing.T) {
	t.Parallel()
	for _, s := range services() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			newApplication(t, newClient(t, s.start(t))).live()
		})
	}
}

// An app runs tasks that tell what became of them.
type app struct {
	*testing.T

	client *sqs.Client
	job    *taskhawk.Task[jobArgs]
	hub    *taskhawk.Hub
	runs   chan run
	failed atomic.Bool   // the task that fails once has
	healed chan struct{} // closed when the task that fails for good is mended
}

type run struct {
	taskhawk.Metadata

	args jobArgs
}

var errBroken = errors.New("broken")

// The numbers of the tasks that fail.
const (
	failsOnce = 100
	failsFor  = 101 // good, until it is mended
)

func newApplication(t *testing.T, client *sqs.Client) *app {
	t.Helper()
	// Every receive counts, and not every service counts them right.
	require.NoError(t, sqsx.Provision(t.Context(), client, application, sqsx.ProvisionConfig{MaxReceiveCount: 50}))
	publisher, err := sqsx.NewPublisher(client, application, sqsx.PublisherConfig{})
	require.NoError(t, err)
	a := &app{T: t, client: client, runs: make(chan run, 100), healed: make(chan struct{})}
	a.job = taskhawk.New("tests.job", a.handle)
	a.hub, err = taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{a.job}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return a
}

func (a *app) handle(ctx context.Context, args jobArgs) error {
	a.runs <- run{taskhawk.MetadataFrom(ctx), args}
	switch {
	case args.N == failsOnce && !a.failed.Swap(true):
		return taskhawk.RetryAfter(time.Second, errBroken)
	case args.N == failsFor && !a.isHealed():
		return taskhawk.Permanent(errBroken)
	}
	return nil
}

func (a *app) isHealed() bool {
	select {
	case <-a.healed:
		return true
	default:
		return false
	}
}

// live is the whole story.
func (a *app) live() {
	a.Helper()
	stop := a.start()
	a.work()
	a.retry()
	a.bury()
	a.redrive()
	stop()
	for _, priority := range taskhawk.Priorities() {
		queue := sqsx.QueueName(application, priority)
		require.Empty(a, a.left(queue), queue)
		require.Empty(a, a.left(sqsx.DeadLetterQueueName(queue)), queue)
	}
}

func (a *app) start() (stop func()) {
	a.Helper()
	worker, err := sqsx.NewWorker(a.client, application, a.hub, sqsx.WorkerConfig{
		WaitTime: time.Second, VisibilityTimeout: 30 * time.Second,
	})
	require.NoError(a, err)
	ctx, cancel := context.WithCancel(a.Context())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(a, <-done)
	}
}

// next waits for a run.
func (a *app) next() run {
	a.Helper()
	select {
	case r := <-a.runs:
		return r
	case <-time.After(time.Minute):
		require.FailNow(a, "no task has run")
		return run{}
	}
}

func (a *app) dispatch(n int, options ...taskhawk.DispatchOption) string {
	a.Helper()
	id, err := a.job.Dispatch(a.Context(), jobArgs{N: n, Text: "<Grüße> \u2028 \"x\""}, options...)
	require.NoError(a, err)
	return id
}

// work runs tasks of all priorities, one by one and in a batch, with all that belongs to
// them.
func (a *app) work() {
	a.Helper()
	sent := map[int]string{}
	for n, priority := range taskhawk.Priorities() {
		sent[n] = a.dispatch(n, taskhawk.WithPriority(priority), taskhawk.WithHeaders(taskhawk.Headers{"request_id": "r"}))
	}
	batch := make([]jobArgs, 23)
	for i := range batch {
		batch[i] = jobArgs{N: 10 + i, Text: "<Grüße> \u2028 \"x\""}
	}
	ids, err := a.job.DispatchAll(a.Context(), batch, taskhawk.WithHeaders(taskhawk.Headers{"request_id": "r"}))
	require.NoError(a, err)
	for i, id := range ids {
		sent[10+i] = id
	}
	for range len(sent) {
		r := a.next()
		require.Equal(a, sent[r.args.N], r.ID)
		require.Equal(a, "<Grüße> \u2028 \"x\"", r.args.Text)
		require.Equal(a, taskhawk.Headers{"request_id": "r"}, r.Headers)
		delete(sent, r.args.N)
	}
	require.Empty(a, sent)
}

func (a *app) retry() {
	a.Helper()
	id := a.dispatch(failsOnce, taskhawk.WithDelay(time.Second))
	first, second := a.next(), a.next()
	require.Equal(a, id, first.ID)
	require.Equal(a, id, second.ID)
	require.GreaterOrEqual(a, second.Attempt, first.Attempt, "not every service tells")
}

// bury waits until the dead letter has arrived.
func (a *app) bury() {
	a.Helper()
	a.dispatch(failsFor, taskhawk.WithPriority(taskhawk.High))
	a.next()
	letters := sqsx.DeadLetterQueueName(sqsx.QueueName(application, taskhawk.High))
	require.Eventually(a, func() bool { return len(a.left(letters)) == 1 }, time.Minute, 100*time.Millisecond)
}

func (a *app) redrive() {
	a.Helper()
	close(a.healed)
	report, err := sqsx.Redrive(a.Context(), a.client, application, sqsx.RedriveConfig{})
	require.NoError(a, err)
	require.Equal(a, 1, report.Total())
	r := a.next()
	require.Equal(a, failsFor, r.args.N)
	require.Equal(a, taskhawk.High, r.Priority)
}

// left tells by the counts of a queue what is on it, in flight or not.
func (a *app) left(queue string) []string {
	a.Helper()
	out, err := a.client.GetQueueUrl(a.Context(), &sqs.GetQueueUrlInput{QueueName: &queue})
	require.NoError(a, err)
	p := &probe{Client: a.client, ctx: a.Context()}
	var counts []string
	for _, name := range countAttributes() {
		if n := p.attribute(out.QueueUrl, name); n != "0" {
			counts = append(counts, string(name)+" "+n)
		}
	}
	return counts
}

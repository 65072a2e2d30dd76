package faults_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// app is the application that all tests are about.
const app = "dev-myapp"

// errFault is what handlers fail with.
var errFault = errors.New("the handler failed")

// jobArgs are the arguments of the task that most tests dispatch. Every one of them carries a secret.
type jobArgs struct {
	N      int
	Secret string
}

// setup is what a rig is made of. The zero value is a good default.
type setup struct {
	// What is the fault in a few words, for the report.
	What string
	// Handle runs the task of dispatch and fill. Nil succeeds at once.
	Handle func(ctx context.Context, n int) error
	// Tasks adds tasks; wrap their handlers with instrument.
	Tasks func(r *rig) []taskhawk.AnyTask
	// Hub changes the configuration of the hub before it is made.
	Hub func(config *taskhawk.Config)
	// Client changes the options of the SQS client.
	Client func(o *sqs.Options)
	// Publisher and Provision are passed on.
	Publisher sqsx.PublisherConfig
	Provision sqsx.ProvisionConfig
	// Loopback serves over TCP on 127.0.0.1, which does not work in a bubble.
	Loopback bool
	// Front stands before the server, with Loopback. Nil for nothing.
	Front func(server http.Handler) http.Handler
}

// bed is what a rig stands on: a *testing.T, or a *rapid.T, which shrinks what fails.
type bed interface {
	require.TestingT
	Helper()
	Name() string
	Logf(format string, args ...any)
	Cleanup(f func())
	Context() context.Context
}

// rig is an application on an embedded SQS: queues, publisher, hub, and workers that come and go. All it sees of tasks, log
// lines and errors is kept until Check judges it.
type rig struct {
	bed

	server    *sqstest.Server
	client    *sqs.Client
	publisher *sqsx.Publisher
	hub       *taskhawk.Hub
	job       *taskhawk.Task[jobArgs]
	sink      *sink
	book      *book
	crew      crew
	what      string
	notes     []string // for the report
	virtual   bool     // its time
}

// inBubble runs a test with a rig in a bubble, where time is virtual and there are no sockets.
func inBubble(t *testing.T, s setup, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newRig(t, s)) })
}

// newRig makes the server, its queues, a publisher and a hub. The server keys its ledger by task id.
func newRig(t bed, s setup) *rig {
	t.Helper()
	r := &rig{bed: t, server: sqstest.NewUnstartedServer(), sink: newSink(), book: newBook(), what: s.What, virtual: !s.Loopback}
	if s.Loopback {
		r.server.Start()
	}
	t.Cleanup(r.server.Close)
	r.server.KeyBy(keyOf)
	r.client = r.newClient(func(o *sqs.Options) {
		if s.Front != nil {
			front := httptest.NewServer(s.Front(r.server))
			t.Cleanup(front.Close)
			o.BaseEndpoint = aws.String(front.URL)
		}
		if s.Client != nil {
			s.Client(o)
		}
	})
	require.NoError(t, sqsx.Provision(t.Context(), r.client, app, s.Provision))
	var err error
	r.publisher, err = sqsx.NewPublisher(r.client, app, s.Publisher)
	require.NoError(t, err)
	r.job = taskhawk.New("tests.job", instrument(r, func(ctx context.Context, args jobArgs) error {
		r.book.ran(args.N)
		if s.Handle == nil {
			return nil
		}
		return s.Handle(ctx, args.N)
	}))
	r.hub = r.newHub(s)
	r.server.ResetCounts()
	return r
}

// newClient makes an SDK client whose credentials are secrets that must not show.
func (r *rig) newClient(change func(o *sqs.Options)) *sqs.Client {
	return r.server.Client(func(o *sqs.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(canaryKeyID, canaryKey, canaryToken)
		if change != nil {
			change(o)
		}
	})
}

func (r *rig) newHub(s setup) *taskhawk.Hub {
	r.Helper()
	config := taskhawk.Config{Publisher: r.publisher, Tasks: []taskhawk.AnyTask{r.job}, Logger: slog.New(r.sink)}
	if s.Tasks != nil {
		config.Tasks = append(config.Tasks, s.Tasks(r)...)
	}
	if s.Hub != nil {
		s.Hub(&config)
	}
	hub, err := taskhawk.NewHub(config)
	require.NoError(r, err)
	return hub
}

// instrument makes a handler that notes in ledger and book when it begins and how it ends.
func instrument[A any](r *rig, handle func(context.Context, A) error) func(context.Context, A) error {
	return func(ctx context.Context, args A) error {
		metadata := taskhawk.MetadataFrom(ctx)
		r.sink.secret(metadata.Receipt)
		r.book.begin(metadata.ID)
		r.crew.look()
		r.server.Ledger().Note(sqstest.Started, metadata.ID)
		action := taskhawk.ActionRetry // what becomes of a handler that panics
		defer func() {
			r.book.end(metadata.ID, action)
			if action == taskhawk.ActionDelete {
				r.server.Ledger().Note(sqstest.Succeeded, metadata.ID)
			}
		}()
		err := handle(ctx, args)
		action = taskhawk.OutcomeOf(err).Action
		return err
	}
}

// await waits until done, at most so long: in a bubble that takes no time, on the loopback it does.
func (r *rig) await(limit time.Duration, what string, done func() bool) {
	r.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(max(limit/1000, 10*time.Millisecond))
	defer tick.Stop()
	for !done() {
		if time.Now().After(deadline) {
			require.Fail(r, what+": not within "+limit.String(), "the last error: %s", r.sink.lastFailure())
		}
		<-tick.C
	}
}

// until waits until done, or until ctx ends.
func (r *rig) until(ctx context.Context, done func() bool) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// drain waits until all queues are empty, but for dead letters, at most so long, and returns how long it took.
func (r *rig) drain(limit time.Duration) time.Duration {
	r.Helper()
	start := time.Now()
	r.await(limit, "the queues drain", func() bool { return r.left() == 0 })
	return time.Since(start)
}

// left is how many messages are on the queues, in flight or not, dead letters apart.
func (r *rig) left() int {
	n := 0
	for _, priority := range taskhawk.Priorities() {
		n += len(r.server.Queue(queueName(priority)).Messages)
	}
	return n
}

// letters are the dead letters of a priority.
func (r *rig) letters(priority taskhawk.Priority) []sqstest.Message {
	return r.server.Queue(lettersName(priority)).Messages
}

func queueName(priority taskhawk.Priority) string { return sqsx.QueueName(app, priority) }

func lettersName(priority taskhawk.Priority) string {
	return sqsx.DeadLetterQueueName(queueName(priority))
}

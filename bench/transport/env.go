package transport

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"golang.org/x/sync/errgroup"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

const (
	// inFlight is how many calls of ten messages a sender may have in flight: as many as
	// [sqsx.Publisher] has for one queue.
	inFlight = 8
	// batch is how many messages a call takes.
	batch = 10
	// handlersAtOnce is how many handlers run at once: the default of our worker.
	handlersAtOnce = taskhawk.DefaultConcurrency
	// app is the application whose queue is used.
	app = "bench"
)

// env is a server with one queue, made anew for every run.
type env struct {
	ctx    context.Context //nolint:containedctx // of the run, which it is the state of
	cancel context.CancelFunc
	server *sqstest.Server
	client *sqs.Client
	url    *string
	tasks  int // to be done in the run
	before int // messages sent before the run
	loops  errgroup.Group
	after  []func(context.Context) error
}

func newEnv(link Link, tasks int) (*env, error) {
	r := &env{server: link.serve(), tasks: tasks}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.client = r.server.Client()
	name := sqsx.QueueName(app, taskhawk.Default)
	out, err := r.client.CreateQueue(r.ctx, &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	r.url = out.QueueUrl
	return r, nil
}

// later has f called when the run is over and its loops have ended.
func (r *env) later(f func(context.Context) error) { r.after = append(r.after, f) }

// close ends what still runs.
func (r *env) close() error {
	r.cancel()
	err := r.loops.Wait()
	for _, f := range slices.Backward(r.after) {
		err = errors.Join(err, f(context.WithoutCancel(r.ctx)))
	}
	r.server.Close()
	return err
}

// httpClient is what all clients of the server use.
func (r *env) httpClient() *http.Client {
	client, _ := r.client.Options().HTTPClient.(*http.Client)
	return client
}

// drained waits until the server has deleted all messages.
func (r *env) drained() error {
	for r.server.Ledger().Count(sqstest.Deleted) < r.tasks {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// work returns the run of a loop that works until its context ends: it is over when all
// messages are deleted. The loop ends after it.
func (r *env) work(loop func(ctx context.Context) error) func() error {
	return func() error {
		r.loops.Go(func() error { return loop(r.ctx) })
		return r.drained()
	}
}

// untilDone is err, but nil once ctx has ended: a loop that is told to end has no error.
func untilDone(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

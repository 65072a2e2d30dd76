package sqsx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// MaxWaitTime is the longest long poll of SQS, and the default.
const MaxWaitTime = 20 * time.Second

// WorkerConfig tunes a [Worker]. The zero value is a good default.
type WorkerConfig struct {
	// Priorities are the queues to work on. Default: all four.
	Priorities []taskhawk.Priority
	// Concurrency is how many handlers may run at once, over all queues. Default 10.
	Concurrency int
	// GracePeriod is how long a stop waits for running handlers and polls. Default 25 s; see taskhawk.WorkerConfig.
	GracePeriod time.Duration
	// Backoff is the delay of a retry that did not ask for one by taskhawk.RetryAfter, rounded up to whole seconds.
	// Default: exponential from 5 s to 15 min, with jitter.
	Backoff taskhawk.Backoff
	// VisibilityTimeout is how long a received message stays invisible to other workers, 1 s to 12 h, in whole seconds,
	// rounded up. The worker extends it at half of it for as long as the handler runs, up to the 12 hours of SQS: it is how
	// soon a task runs again after a crash, not how long a task may take. It replaces the queue's own. Default 30 s.
	VisibilityTimeout time.Duration
	// WaitTime is how long a poll waits for messages, 1 s to 20 s, in whole seconds, rounded up. Default 20 s. An idle
	// worker takes as long to stop, unless AbortPolls is set; every empty poll is a request that SQS bills.
	WaitTime time.Duration
	// StrictPriority gives every free slot to the most urgent message that waits; by default they are served by weight, so that
	// none starves. See taskhawk.WorkerConfig.
	StrictPriority bool
	// Prefetch is how many messages of each queue may wait for a slot while tasks are quick. Default 10; see
	// taskhawk.WorkerConfig.
	Prefetch int
	// Linger is how long a message that is done waits for others to share its delete request, up to 1 s and a quarter of
	// VisibilityTimeout; it keeps its place among the Concurrency meanwhile. Default 0: half as long as the last such request
	// took, 10 ms at most, which fills requests while tasks are quick. 100 ms saves most of the deletes of slower ones.
	Linger time.Duration
	// AbortPolls cancels the running polls when a stop begins. A message that SQS assigns in that moment stays invisible until
	// its visibility timeout, and the receive counts. By default polls end by themselves.
	AbortPolls bool
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// DefaultVisibilityTimeout is the visibility timeout of messages that a worker receives.
const DefaultVisibilityTimeout = 30 * time.Second

// Worker receives from the queues of an application and runs its tasks.
type Worker struct {
	service *service
	queues  []*queue
	loop    *taskhawk.Worker
}

var _ taskhawk.Runner = (*Worker)(nil)

// WorkerStats counts what a worker has done.
type WorkerStats struct {
	taskhawk.WorkerStats
	// Requests counts its requests to SQS.
	Requests RequestStats
}

// NewWorker makes a worker for the queues of an application, such as "dev-myapp". It makes no call yet.
func NewWorker(api API, app string, hub *taskhawk.Hub, config WorkerConfig) (*Worker, error) {
	if nilcheck.IsNil(api) || hub == nil {
		return nil, errors.New("sqsx: new worker: nil API or hub")
	}
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("sqsx: new worker: %w", err)
	}
	names, err := config.Naming.names(app, config.Priorities)
	if err != nil {
		return nil, fmt.Errorf("sqsx: new worker: %w", err)
	}
	w := &Worker{service: newService(api, "")}
	var queues []taskhawk.Queue
	for _, priority := range taskhawk.Priorities() {
		if name, ok := names[priority]; ok {
			info := taskhawk.QueueInfo{
				Name: name, Priority: priority, Visibility: config.VisibilityTimeout, Wait: config.WaitTime,
				Ordered: sqsqueue.IsFIFO(name),
			}
			q := newQueue(w.service, info, config, hub.Logger())
			w.queues, queues = append(w.queues, q), append(queues, q)
		}
	}
	w.loop, err = taskhawk.NewWorker(hub, queues, taskhawk.WorkerConfig{
		Concurrency: config.Concurrency, StrictPriority: config.StrictPriority, Prefetch: config.Prefetch,
		AbortPolls: config.AbortPolls, GracePeriod: config.GracePeriod, Backoff: config.Backoff,
	})
	return w, err
}

// Run looks up the queues and then receives and runs tasks until ctx ends, as taskhawk.Worker.Run describes. It returns a
// [*QueueError] at once when a queue does not exist or cannot be reached, and nil after a clean stop, also one that begins
// before the queues are looked up.
func (w *Worker) Run(ctx context.Context) error {
	for _, q := range w.queues {
		if _, err := w.service.urls.get(ctx, q.info.Name); err != nil && ctx.Err() == nil {
			return fmt.Errorf("sqsx: run worker: %w", err)
		}
	}
	w.service.calls.Keep()
	defer w.service.calls.Close()
	return w.loop.Run(ctx)
}

// Abort ends the grace period of a stop, for a second signal. See taskhawk.Worker.Abort.
func (w *Worker) Abort() { w.loop.Abort() }

// Stats counts what the worker has done so far. It may be called at any time, concurrently.
func (w *Worker) Stats() WorkerStats {
	return WorkerStats{WorkerStats: w.loop.Stats(), Requests: w.service.counts.stats()}
}

// Health tells for each queue when a poll last succeeded, for liveness probes. It may be called at any time, concurrently.
func (w *Worker) Health() []taskhawk.QueueHealth { return w.loop.Health() }

// check fills in the defaults.
func (c *WorkerConfig) check() error {
	if c.WaitTime == 0 {
		c.WaitTime = MaxWaitTime
	}
	if c.VisibilityTimeout == 0 {
		c.VisibilityTimeout = DefaultVisibilityTimeout
	}
	switch {
	case c.WaitTime < 0 || c.WaitTime > MaxWaitTime:
		return fmt.Errorf("WaitTime %s: SQS takes up to %s", c.WaitTime, MaxWaitTime)
	case c.VisibilityTimeout <= 0 || c.VisibilityTimeout > MaxVisibility:
		return fmt.Errorf("VisibilityTimeout %s: SQS takes up to %s", c.VisibilityTimeout, MaxVisibility)
	case c.Linger < 0 || c.Linger > min(maxLinger, c.VisibilityTimeout/4):
		return fmt.Errorf("delete Linger %s: at most %s, and a quarter of VisibilityTimeout", c.Linger, maxLinger)
	}
	c.VisibilityTimeout = time.Duration(seconds(c.VisibilityTimeout)) * time.Second
	c.WaitTime = time.Duration(seconds(c.WaitTime)) * time.Second
	sorted := slices.Sorted(slices.Values(c.Priorities))
	if len(slices.Compact(sorted)) != len(c.Priorities) {
		return errors.New("a priority stands twice in Priorities")
	}
	return nil
}

// maxLinger keeps a message that is done from coming back because its delete waits.
const maxLinger = time.Second

// slowCall is how long a call to SQS may take for all heartbeats to be in time.
const slowCall = time.Second

// changeCalls is how many calls that change visibility timeouts may be in flight at once: so many that every message in flight is
// extended within a quarter of its visibility timeout, also when calls are slow and all are due together. A quarter, since a
// handler that returns waits no longer for the heartbeat under way.
func (c *WorkerConfig) changeCalls() int {
	batches := c.Concurrency / awsbatch.MaxEntries * 3 / 2 // not all are full
	rounds := max(int(c.VisibilityTimeout/4/slowCall), 1)
	return min(max(batches/rounds+1, maxCalls), mostCalls)
}

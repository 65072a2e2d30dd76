package sqsx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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
	// rounded up. It must be longer than a handler runs, or the handler extends it by taskhawk.ExtendVisibility.
	// Default 0: what the queue is set to.
	VisibilityTimeout time.Duration
	// WaitTime is how long a poll waits for messages, 1 s to 20 s, in whole seconds, rounded up. Default 20 s. An idle
	// worker takes as long to stop; every empty poll is a request that SQS bills.
	WaitTime time.Duration
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// Worker receives from the queues of an application and runs its tasks.
type Worker struct {
	queues []*queue
	loop   *taskhawk.Worker
}

// NewWorker makes a worker for the queues of an application, such as "dev-myapp". It makes no call yet.
func NewWorker(api API, queueName string, hub *taskhawk.Hub, config WorkerConfig) (*Worker, error) {
	if api == nil || hub == nil {
		return nil, errors.New("sqsx: new worker: nil API or hub")
	}
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("sqsx: new worker: %w", err)
	}
	names, err := config.Naming.names(queueName, config.Priorities)
	if err != nil {
		return nil, fmt.Errorf("sqsx: new worker: %w", err)
	}
	w := &Worker{}
	urls := &queueURLs{api: api}
	var queues []taskhawk.Queue
	for _, priority := range taskhawk.Priorities() {
		if name, ok := names[priority]; ok {
			q := &queue{
				api: api, urls: urls, name: name, priority: priority,
				wait: config.wait(), visibility: config.VisibilityTimeout, logger: hub.Logger(),
			}
			w.queues, queues = append(w.queues, q), append(queues, q)
		}
	}
	w.loop, err = taskhawk.NewWorker(hub, queues, taskhawk.WorkerConfig{
		Concurrency: config.Concurrency, GracePeriod: config.GracePeriod, Backoff: config.Backoff,
	})
	return w, err
}

// Run looks up the queues and then receives and runs tasks until ctx ends, as taskhawk.Worker.Run describes. It returns a
// [*QueueError] at once when a queue does not exist or cannot be reached, and nil after a clean stop.
func (w *Worker) Run(ctx context.Context) error {
	for _, q := range w.queues {
		if _, err := q.urls.get(ctx, q.name); err != nil {
			return fmt.Errorf("sqsx: run worker: %w", err)
		}
	}
	return w.loop.Run(ctx)
}

func (c WorkerConfig) wait() time.Duration {
	if c.WaitTime == 0 {
		return MaxWaitTime
	}
	return c.WaitTime
}

func (c WorkerConfig) check() error {
	switch {
	case c.WaitTime < 0 || c.WaitTime > MaxWaitTime:
		return fmt.Errorf("WaitTime %s: SQS takes up to %s", c.WaitTime, MaxWaitTime)
	case c.VisibilityTimeout < 0 || c.VisibilityTimeout > MaxVisibility:
		return fmt.Errorf("VisibilityTimeout %s: SQS takes up to %s", c.VisibilityTimeout, MaxVisibility)
	}
	sorted := slices.Sorted(slices.Values(c.Priorities))
	if len(slices.Compact(sorted)) != len(c.Priorities) {
		return errors.New("a priority stands twice in Priorities")
	}
	return nil
}

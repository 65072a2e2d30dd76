package sqsx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// MaxWaitTime is the longest long poll of SQS, and the default.
const MaxWaitTime = 20 * time.Second

// DefaultVisibilityTimeout is the visibility timeout of messages that a worker receives.
const DefaultVisibilityTimeout = 30 * time.Second

// WorkerConfig tunes a [Worker]. The zero value is a good default.
type WorkerConfig struct {
	// Account is the number of the account that owns the queues, 12 digits: the queues'
	// policies must let the caller's account receive, delete and change the visibility of
	// messages. Default: the caller's own account.
	Account string
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
	// Priorities are the queues to work on. Default: all four.
	Priorities []taskhawk.Priority
	// Concurrency is as in [taskhawk.WorkerConfig]. Default 10.
	Concurrency int
	// StrictPriority is as in [taskhawk.WorkerConfig].
	StrictPriority bool
	// Prefetch is as in [taskhawk.WorkerConfig]. Default 100, or Concurrency where that
	// is more.
	Prefetch int
	// MaxReceives is as in [taskhawk.WorkerConfig]. Default: 4 and a tenth of
	// Concurrency, up to 32.
	MaxReceives int
	// MaxLimited is as in [taskhawk.WorkerConfig]. Default 100.
	MaxLimited int
	// GracePeriod is as in [taskhawk.WorkerConfig]. Default 25 s.
	GracePeriod time.Duration
	// AbortPolls is as in [taskhawk.WorkerConfig]. The receive of a message that SQS
	// assigns to an aborted poll counts.
	AbortPolls bool
	// Backoff is as in [taskhawk.WorkerConfig]; SQS counts in whole seconds, rounded
	// up.
	Backoff taskhawk.Backoff
	// VisibilityTimeout is how long a received message stays invisible to other workers,
	// 1 s to 12 h, in whole seconds, rounded up. While the handler runs, the worker
	// extends it at half of it, up to 12 h in all. So it decides how soon a task runs
	// again after a crash, not how long a task may take. It replaces the setting of the
	// queue. Default 30 s.
	VisibilityTimeout time.Duration
	// WaitTime is how long a poll waits for messages, 1 s to 20 s, in whole seconds,
	// rounded up. Default 20 s. An idle worker takes as long to stop, unless AbortPolls
	// is set. SQS bills every poll, even an empty one. The timeout of the HTTP client
	// must be longer.
	WaitTime time.Duration
	// Linger is how long a finished message waits for others to share its delete
	// request, up to 1 s and a quarter of VisibilityTimeout. Default 0: half as long as
	// the last such request took, 10 ms at most. That fills requests if tasks are short.
	// If they are longer, 100 ms saves most of the deletes.
	Linger time.Duration
}

// Worker receives from the queues of an application and runs its tasks. Its methods are
// as in [taskhawk.Worker], except Run and Stats.
type Worker struct {
	*taskhawk.Worker

	service *service
	hub     *taskhawk.Hub
	app     string
	naming  Naming
	queues  []*queue
	started atomic.Bool
}

var _ taskhawk.Runner = (*Worker)(nil)

// WorkerStats counts what a worker has done.
type WorkerStats struct {
	taskhawk.WorkerStats
	// Requests counts the worker's requests to SQS.
	Requests taskhawk.RequestStats
}

// NewWorker makes a worker for the queues of an application, such as "dev-myapp". It
// makes no call yet. The hub needs a task with a handler.
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
	w := &Worker{service: newService(api, config.Account), hub: hub, app: app, naming: config.Naming}
	var queues []taskhawk.Queue
	for _, named := range sqsqueue.Queues(names) {
		info := taskhawk.QueueInfo{
			Name: named.Name, Priority: named.Priority, Visibility: config.VisibilityTimeout, Wait: config.WaitTime,
			Ordered: sqsqueue.IsFIFO(named.Name),
		}
		q := newQueue(w.service, info, config, hub)
		w.queues, queues = append(w.queues, q), append(queues, q)
	}
	w.Worker, err = taskhawk.NewWorker(hub, queues, taskhawk.WorkerConfig{
		Concurrency:    config.Concurrency,
		StrictPriority: config.StrictPriority,
		Prefetch:       config.Prefetch,
		MaxReceives:    config.MaxReceives,
		MaxLimited:     config.MaxLimited,
		AbortPolls:     config.AbortPolls,
		GracePeriod:    config.GracePeriod,
		Backoff:        config.Backoff,
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Run looks up the queues and then receives and runs tasks until ctx ends, as
// [taskhawk.Worker.Run] describes. If a queue does not exist or cannot be reached, it
// returns at once an error that wraps a [*QueueError] and says whether other queues of
// the application exist. Then Run may be called again. It returns nil after a clean
// stop, even if ctx ends before the queues are looked up.
//
// Run asks for the redrive policy of each queue, to warn when a task fails at its last
// attempt. It warns at once if [taskhawk.WithMaxAttempts] of a task exceeds
// maxReceiveCount. A role that may not call sqs:GetQueueAttributes works without those
// warnings.
func (w *Worker) Run(ctx context.Context) error {
	// A second Run must not close the goroutines of the first, so the core's own check
	// would come too late.
	if !w.started.CompareAndSwap(false, true) {
		return taskhawk.ErrWorkerStarted
	}
	if err := w.open(ctx); err != nil && ctx.Err() == nil {
		w.started.Store(false)
		return fmt.Errorf("sqsx: run worker: %w", err)
	}
	w.warnOfMaxAttempts(ctx)
	w.service.calls.Keep()
	defer w.service.calls.Close()
	return w.Worker.Run(ctx)
}

// Stats returns the counters of the worker. It may be called at any time, concurrently.
func (w *Worker) Stats() WorkerStats {
	return WorkerStats{WorkerStats: w.Worker.Stats(), Requests: w.service.counts.stats()}
}

// warnOfMaxAttempts logs a warning for each queue that makes dead letters earlier than a
// task asks for.
func (w *Worker) warnOfMaxAttempts(ctx context.Context) {
	policies := w.hub.Policies()
	for _, q := range w.queues {
		var tasks []string
		for name, policy := range policies {
			if q.maxReceives > 0 && policy.MaxAttempts > q.maxReceives {
				tasks = append(tasks, name)
			}
		}
		if len(tasks) > 0 {
			slices.Sort(tasks)
			w.hub.Logger().LogAttrs(ctx, slog.LevelWarn,
				"max attempts of tasks exceed maxReceiveCount; the queue's value applies",
				slog.String("queue", q.info.Name), slog.Int("max_receive_count", q.maxReceives),
				slog.Any("tasks", tasks))
		}
	}
}

// check fills in the defaults.
func (c *WorkerConfig) check() error {
	if err := awsbatch.CheckAccount(c.Account); err != nil {
		return err
	}
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
		return errors.New("duplicate priority in Priorities")
	}
	return nil
}

// maxLinger keeps finished messages from becoming visible while their deletes wait.
const maxLinger = time.Second

// slowCall is the longest call to SQS with which all extensions are in time.
const slowCall = time.Second

// changeCalls returns how many calls that change visibility timeouts may be in flight at
// once: enough to extend every message in flight within a quarter of its visibility
// timeout, even if calls are slow and all are due together. A handler that returns waits
// that long, at most, for an extension in flight.
func (c *WorkerConfig) changeCalls(hub *taskhawk.Hub) int {
	held := c.Concurrency
	for _, policy := range hub.Policies() {
		if policy.MaxConcurrency > 0 {
			held += 2 * cmp.Or(c.MaxLimited, taskhawk.DefaultMaxLimited)
		}
	}
	batches := held / awsbatch.MaxEntries * 3 / 2 // not all are full
	rounds := max(int(c.VisibilityTimeout/4/slowCall), 1)
	return min(max(batches/rounds+1, awsbatch.MaxCalls), mostCalls)
}

// Probes returns a handler for the probes of a container. It answers 200 if the worker
// is healthy, and 503 with the reason if not. A path that ends in /live calls Live with
// maxAge, and a path that ends in /ready calls Ready. Other paths get 404.
func (w *Worker) Probes(maxAge time.Duration) http.Handler {
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		var err error
		switch path.Base(request.URL.Path) {
		case "live":
			err = w.Live(maxAge)
		case "ready":
			err = w.Ready()
		default:
			http.NotFound(response, request)
			return
		}
		if err != nil {
			http.Error(response, err.Error(), http.StatusServiceUnavailable)
		}
	})
}

// open looks up all queues, side by side. Of several errors it returns the error of the most
// urgent queue.
func (w *Worker) open(ctx context.Context) error {
	errs := make([]error, len(w.queues))
	var group sync.WaitGroup
	for i, q := range w.queues {
		group.Go(func() { errs[i] = q.open(ctx) })
	}
	group.Wait()
	known := map[string]bool{}
	for i, q := range w.queues {
		known[q.info.Name] = errs[i] == nil
	}
	for _, err := range errs {
		if sqsqueue.IsMissing(err) {
			_, err = w.service.explain(ctx, w.app, w.naming, err, known)
			return err
		}
		if err != nil {
			return err
		}
	}
	return nil
}

package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/gopool"
	"github.com/taskhawk/taskhawk-go/internal/guard"
)

var (
	// ErrWorkerStarted is returned by a second call of [Worker.Run].
	ErrWorkerStarted = errors.New("worker has run already: make a new one")
	// ErrStopping is the cause (context.Cause) with which a handler's context ends when
	// the worker's grace period is over.
	ErrStopping = errors.New("the worker is stopping")
)

// abortedPollTTL is how long a poll that was cut off may live on at the service:
// messages given back before that would go to it, and be stranded.
const abortedPollTTL = time.Second

// cancelGrace is how long handlers have to return after their context has ended at the
// end of the grace period. releaseTime is how long the worker then has to give back the
// remaining messages.
const (
	cancelGrace = 500 * time.Millisecond
	releaseTime = 400 * time.Millisecond
)

// Worker receives messages from queues and runs their tasks: the loop behind every
// transport. Users of SQS make theirs with sqsx.NewWorker; [NewWorker] is for other
// transports.
type Worker struct {
	hub         *Hub
	queues      []Queue
	config      WorkerConfig
	slots       *slots
	intake      intake
	limiters    limiters
	settlements chan struct{} // has a token for each message that is settled outside of a slot
	leases      *leases
	extensions  minuteLine // the line about those that fail
	counters    counters
	health      *health
	state       atomic.Int32 // workerNew and so on
	polls       atomic.Int32 // that run now
	aborted     atomic.Bool  // a stop has cut polls off
	sequences   gopool.Pool
	receivers   gopool.Pool
	abort       chan struct{}
	aborting    sync.Once
}

// NewWorker makes a worker for one or more queues of a transport. It returns an error if
// two queues have one name, or if the info of a queue is invalid.
func NewWorker(hub *Hub, queues []Queue, config WorkerConfig) (*Worker, error) {
	config, err := config.withDefaults()
	switch {
	case err != nil:
		return nil, fmt.Errorf("taskhawk: new worker: %w", err)
	case len(queues) == 0:
		return nil, errors.New("taskhawk: new worker: no queues")
	}
	if err := hub.CheckHandlers(); err != nil {
		return nil, fmt.Errorf("taskhawk: new worker: %w", err)
	}
	queues, err = guardQueues(queues)
	if err != nil {
		return nil, fmt.Errorf("taskhawk: new worker: %w", err)
	}
	config.Backoff = hub.guardBackoff(config.Backoff)
	slots := newSlots(config.Concurrency, config.StrictPriority)
	return &Worker{
		hub: hub, queues: queues, config: config, slots: slots, intake: intake{slots: slots},
		limiters:    newLimiters(hub, config),
		settlements: make(chan struct{}, max(config.Concurrency, minSettlements)),
		leases:      newLeases(), health: newHealth(queues), abort: make(chan struct{}),
	}, nil
}

// Run receives and runs tasks until ctx ends, and then stops without losing any:
//
//   - no new poll begins; the running ones end by themselves, since a cancelled poll
//     would strand messages
//   - messages that they still return, or that wait for a slot, are given back at once;
//     a second later if polls were cut off, by AbortPolls or by the end of the grace
//     period, since they may live on for a moment
//   - a message at its last attempt is not given back, since it would become a dead letter:
//     it still runs when a slot is free
//   - handlers have the grace period; then their context ends with the cause
//     [ErrStopping], and their messages are given back too
//
// Run returns nil after such a stop, within the grace period and a second, and a
// [*StopError] if handlers did not return even then. It can be called once. Errors of
// the queues do not end it: it pauses, at most half a minute, and goes on.
func (w *Worker) Run(ctx context.Context) error {
	if !w.state.CompareAndSwap(workerNew, workerRuns) {
		return ErrWorkerStarted
	}
	defer w.state.Store(workerStopped)
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stopping, stop := context.WithCancel(work)
	defer stop()
	if ctx.Err() != nil {
		stop()
	}
	for _, pool := range []*gopool.Pool{&w.sequences, &w.receivers} {
		pool.Keep()
		defer pool.Close()
	}

	w.health.start()
	var running sync.WaitGroup
	for _, queue := range w.queues {
		p := newPoller(w, queue, &running)
		running.Go(func() { p.poll(stopping, work) })
	}
	done := make(chan struct{})
	go func() {
		running.Wait()
		close(done)
	}()
	w.hub.report(
		work,
		slog.LevelInfo,
		"worker started",
		slog.Any("queues", w.queueNames()),
		slog.Int("concurrency", w.config.Concurrency),
	)
	<-ctx.Done()
	w.state.Store(workerStops)
	began := time.Now()
	handlers, waiting := w.leases.counts()
	w.hub.report(work, slog.LevelInfo, "worker stopping", slog.Int("handlers", handlers), slog.Int("waiting", waiting),
		slog.Int("polls", int(w.polls.Load())), slog.Float64("grace_ms", milliseconds(w.config.GracePeriod)))
	w.aborted.Store(w.config.AbortPolls)
	stop()
	err := w.stop(work, cancel, done)
	w.reportStop(work, err, time.Since(began))
	return err
}

// Abort ends the grace period of a stop: handlers are cancelled at once. A stop that
// begins later has no grace period. Use it for a second signal. It may be called at any
// time, concurrently, and more than once.
func (w *Worker) Abort() { w.aborting.Do(func() { close(w.abort) }) }

// reportStop writes the last line of the worker.
func (w *Worker) reportStop(ctx context.Context, err error, took time.Duration) {
	level, attrs := slog.LevelInfo, []slog.Attr{slog.Float64("duration_ms", milliseconds(took))}
	if err != nil {
		level, attrs = slog.LevelWarn, append(attrs, guard.ErrorAttr(err))
	}
	w.hub.report(ctx, level, "worker stopped", attrs...)
	guard.Flush(w.hub.Logger()) // the process may end now
}

func (w *Worker) queueNames() []string {
	names := make([]string, len(w.queues))
	for i, queue := range w.queues {
		names[i] = queue.Info().Name
	}
	return names
}

func (w *Worker) stop(work context.Context, cancel context.CancelCauseFunc, done <-chan struct{}) error {
	grace := time.NewTimer(w.config.GracePeriod)
	defer grace.Stop()
	select {
	case <-done:
		return nil
	case <-grace.C:
	case <-w.abort:
	}
	w.aborted.Store(w.config.AbortPolls || w.polls.Load() > 0)
	cancel(ErrStopping)
	if within(cancelGrace, done) {
		return nil
	}
	return w.abandon(work)
}

// abandon gives back the messages of handlers that do not return.
func (w *Worker) abandon(work context.Context) error {
	running, settling := w.leases.abandon()
	stopped := &StopError{Settling: settling}
	for _, l := range running {
		stopped.Tasks = append(stopped.Tasks, taskOf(l.current()))
	}
	released := make(chan struct{})
	go func() {
		defer close(released)
		w.release(work, running)
	}()
	within(releaseTime, released)
	return stopped
}

// taskOf names the task of a delivery for a report.
func taskOf(d *Delivery) string {
	msg, _, err := readBody(d)
	if err != nil {
		return "(unreadable)"
	}
	return clip(msg.Task)
}

// within reports whether done is closed before d is over.
func within(d time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// The defaults of [WorkerConfig].
const (
	DefaultConcurrency = 10
	DefaultPrefetch    = 100
	DefaultMaxLimited  = 100
	DefaultGracePeriod = 25 * time.Second
	mostReceives       = 32
	defaultFirstRetry  = 5 * time.Second
	defaultLastRetry   = 15 * time.Minute
)

// minSettlements is the least limit of messages that are settled outside of slots: enough
// for quick tasks to fill the requests of a service within a region.
const minSettlements = 100

// WorkerConfig tunes a [Worker]. The zero value is a good default.
type WorkerConfig struct {
	// Concurrency is how many handlers may run at once, over all queues. Messages are
	// settled outside of it, up to as many as Concurrency and at least 100. If the
	// service is so slow that there are more, the others keep their slots. Default 10.
	Concurrency int
	// StrictPriority gives every free slot to the most urgent message that waits. By
	// default messages that wait are served by weight, high 8, default 4, low 2, bulk 1,
	// so that no priority starves; strictly, a busy high queue starves the others.
	StrictPriority bool
	// Prefetch is the most messages of each queue that wait in this worker for a slot.
	// The worker fetches as many as start during a receive, and no more than can start
	// within about a second: some tens of quick tasks, at most one slow task, so that
	// priorities can be compared. Default 100, or Concurrency if that is more.
	Prefetch int
	// MaxReceives is how many receives of each queue may be in flight at once, at most.
	// An empty queue has one, a long poll; there are more while they come back full and
	// their messages can start. Default: 4 and a tenth of Concurrency, up to 32.
	MaxReceives int
	// MaxLimited is how many messages of each task with [WithMaxConcurrency] may wait in
	// this worker while the task is at its limit. As many again may wait at their last
	// attempt. Further messages are given back with a delay; at their last attempt they
	// wait as for a slot. Default 100.
	MaxLimited int
	// AbortPolls cancels the running polls when a stop begins, so that an idle worker
	// stops at once. A message that the service assigns in that moment stays invisible
	// until its visibility timeout. Messages that the stop gives back become visible a
	// second later. By default polls end by themselves.
	AbortPolls bool
	// GracePeriod is how long a stop waits for running handlers and polls before it
	// cancels them. Default 25 s, which leaves room within the 30 s that Kubernetes and
	// ECS give a container; give those more if tasks take longer.
	GracePeriod time.Duration
	// Backoff returns the delay of a retry without RetryAfter. Default: exponential from
	// 5 s to 15 min, with jitter.
	Backoff Backoff
}

func (c WorkerConfig) withDefaults() (WorkerConfig, error) {
	switch {
	case c.Concurrency < 0:
		return c, fmt.Errorf("negative Concurrency %d", c.Concurrency)
	case c.Prefetch < 0:
		return c, fmt.Errorf("negative Prefetch %d", c.Prefetch)
	case c.MaxLimited < 0:
		return c, fmt.Errorf("negative MaxLimited %d", c.MaxLimited)
	case c.MaxReceives < 0:
		return c, fmt.Errorf("negative MaxReceives %d", c.MaxReceives)
	case c.GracePeriod < 0:
		return c, fmt.Errorf("negative GracePeriod %s", c.GracePeriod)
	}
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Prefetch == 0 {
		c.Prefetch = max(DefaultPrefetch, c.Concurrency)
	}
	if c.MaxLimited == 0 {
		c.MaxLimited = DefaultMaxLimited
	}
	if c.MaxReceives == 0 {
		c.MaxReceives = min(4+c.Concurrency/10, mostReceives)
	}
	if c.GracePeriod == 0 {
		c.GracePeriod = DefaultGracePeriod
	}
	return c, nil
}

// StopError is the error of a [Worker.Run] that left handlers or calls running: handlers
// that ignored the end of their context, or calls to the queue that did not return.
// Their messages are delivered again.
type StopError struct {
	// Tasks are the names of the tasks whose handlers were still running, one entry for
	// each.
	Tasks []string
	// Settling counts the tasks whose handlers had returned and whose messages were still
	// being settled.
	Settling int
}

// Error names the tasks.
func (e *StopError) Error() string {
	names := make([]string, len(e.Tasks))
	for i, name := range e.Tasks {
		names[i] = inLog(name) // it came with a message
	}
	return fmt.Sprintf("taskhawk: stopped with %d handlers still running [%s] and %d messages not settled",
		len(e.Tasks), strings.Join(names, " "), e.Settling)
}

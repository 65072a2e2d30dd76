package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/warm"
)

var (
	// ErrWorkerStarted is returned by a second call of [Worker.Run].
	ErrWorkerStarted = errors.New("taskhawk: the worker has run already: make a new one")
	// ErrStopping is the cause (context.Cause) with which a handler's context ends when the worker's grace period is over.
	ErrStopping = errors.New("the worker is stopping")
)

// cutPoll is how long a poll that was cut off may live on at the service: what is given back before that would go to it, and to nobody.
const cutPoll = time.Second

// lastWords is how long handlers have to return once their context has ended at the end of the grace period, and
// releaseTime how long the worker then takes to give back what is left.
const (
	lastWords   = 500 * time.Millisecond
	releaseTime = 400 * time.Millisecond
)

// Worker receives messages from queues and runs their tasks: the loop behind every transport. Users of SQS make theirs
// with sqsx.NewWorker; [NewWorker] is for other transports.
type Worker struct {
	hub      *Hub
	queues   []Queue
	config   WorkerConfig
	slots    *slots
	pace     pace
	claims   *claims
	acked    ackMemory
	counters counters
	health   *health
	started  atomic.Bool
	polls    atomic.Int32 // that run now
	cut      atomic.Bool  // a stop has cut polls off
	lanes    warm.Pool
	abort    chan struct{}
	aborting sync.Once
}

// NewWorker makes a worker for one or more queues of a transport.
func NewWorker(hub *Hub, queues []Queue, config WorkerConfig) (*Worker, error) {
	config, err := config.withDefaults()
	switch {
	case err != nil:
		return nil, fmt.Errorf("taskhawk: new worker: %w", err)
	case hub == nil:
		return nil, errors.New("taskhawk: new worker: nil hub")
	case len(queues) == 0:
		return nil, errors.New("taskhawk: new worker: no queues")
	}
	return &Worker{
		hub: hub, queues: queues, config: config, slots: newSlots(config.Concurrency, config.StrictPriority),
		claims: newClaims(), health: newHealth(queues), abort: make(chan struct{}),
	}, nil
}

// Run receives and runs tasks until ctx ends, and then stops without losing any:
//
//   - no new poll begins; the running ones end by themselves, since a cancelled poll would strand messages
//   - what they still bring, and what waits for a slot, is given back at once; a second later where polls were cut off, by AbortPolls or
//     by the end of the grace period, since they may live on for a moment
//   - running handlers have the grace period; then their context ends with the cause [ErrStopping], and their messages
//     are given back too
//
// It returns nil after such a stop, within the grace period and a second, and a [*StopError] when handlers did not return
// even then. It can be called once. Errors of the queues do not end it: it waits, at most half a minute, and goes on.
func (w *Worker) Run(ctx context.Context) error {
	if !w.started.CompareAndSwap(false, true) {
		return ErrWorkerStarted
	}
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stopping, stop := context.WithCancel(work)
	defer stop()
	if ctx.Err() != nil {
		stop()
	}
	w.lanes.Keep()
	defer w.lanes.Close()

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
	<-ctx.Done()
	w.cut.Store(w.config.AbortPolls)
	stop()
	return w.stop(work, cancel, done)
}

// Abort ends the grace period of a stop, or leaves none to a stop that has not begun: handlers are cancelled at once. For a
// second signal. It may be called at any time, concurrently, and more than once.
func (w *Worker) Abort() { w.aborting.Do(func() { close(w.abort) }) }

func (w *Worker) stop(work context.Context, cancel context.CancelCauseFunc, done <-chan struct{}) error {
	grace := time.NewTimer(w.config.GracePeriod)
	defer grace.Stop()
	select {
	case <-done:
		return nil
	case <-grace.C:
	case <-w.abort:
	}
	w.cut.Store(w.config.AbortPolls || w.polls.Load() > 0)
	cancel(ErrStopping)
	if within(lastWords, done) {
		return nil
	}
	return w.abandon(work)
}

// abandon gives back the messages of handlers that do not return.
func (w *Worker) abandon(work context.Context) error {
	running, settling := w.claims.abandon()
	stopped := &StopError{Settling: settling}
	for _, c := range running {
		stopped.Tasks = append(stopped.Tasks, taskOf(c.current()))
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
	msg, _, err := readBody(d.Body, d.Attributes[encodingAttribute])
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

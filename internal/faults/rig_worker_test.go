package faults_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// worker is a worker that runs.
type worker struct {
	*sqsx.Worker

	rig    *rig
	config sqsx.WorkerConfig
	cancel context.CancelFunc
	done   chan error    // has what Run returned
	gone   chan struct{} // closed after that
}

// crew is the workers of a rig, and what they were allowed at once.
type crew struct {
	mu      sync.Mutex
	running map[*worker]bool
	most    limits
	over    []string // where a worker held more than it may
}

// limits are what may be at once, over all workers that run.
type limits struct {
	running int // handlers
	held    int // messages of one queue, received and not settled
}

// start runs a worker until its stop.
func (r *rig) start(config sqsx.WorkerConfig) *worker {
	r.Helper()
	return r.startWith(r.client, config)
}

// startWith is start with a client of its own.
func (r *rig) startWith(client sqsx.API, config sqsx.WorkerConfig) *worker {
	r.Helper()
	loop, err := sqsx.NewWorker(client, app, r.hub, config)
	require.NoError(r, err)
	ctx, cancel := context.WithCancel(r.Context())
	w := &worker{Worker: loop, rig: r, config: config, cancel: cancel, done: make(chan error, 1), gone: make(chan struct{})}
	r.crew.join(w)
	go func() {
		defer close(w.gone)
		err := loop.Run(ctx)
		r.sink.failure(err)
		r.crew.leave(w)
		w.done <- err
	}()
	r.Cleanup(w.discard)
	return w
}

// discard ends the worker of a test that has failed, and waits for its handlers, so that the failure is all there is to read.
func (w *worker) discard() {
	w.cancel()
	w.Abort()
	<-w.gone
	deadline := time.NewTimer(time.Hour)
	defer deadline.Stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for _, running := w.rig.book.peakRunning(); running > 0; _, running = w.rig.book.peakRunning() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return
		}
	}
}

// stop ends the worker, which must be clean, and returns how long it took.
func (w *worker) stop() time.Duration {
	w.rig.Helper()
	start := time.Now()
	w.cancel()
	require.NoError(w.rig, w.wait())
	return time.Since(start)
}

// stopLate is stop for a worker that may have to leave handlers or settlements behind: what it says then is a *taskhawk.StopError.
func (w *worker) stopLate() time.Duration {
	w.rig.Helper()
	start := time.Now()
	w.cancel()
	if err := w.wait(); err != nil {
		var late *taskhawk.StopError
		require.ErrorAs(w.rig, err, &late)
	}
	return time.Since(start)
}

// wait returns what Run returned, once; a stop must have begun, or Run end by itself.
func (w *worker) wait() error {
	w.rig.Helper()
	defer w.cancel()
	return <-w.done
}

func (c *crew) join(w *worker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = map[*worker]bool{}
	}
	c.running[w] = true
	now := limits{}
	for w := range c.running {
		now.running += w.concurrency()
		now.held += w.concurrency() + w.prefetch()
	}
	c.most = limits{max(c.most.running, now.running), max(c.most.held, now.held)}
}

func (c *crew) leave(w *worker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, w)
}

// look compares what each worker holds now with what it may.
func (c *crew) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.running {
		stats := w.Stats()
		limit := w.concurrency() + w.prefetch()*w.queues()
		if held := stats.Running + stats.Waiting; held > limit {
			c.over = append(c.over, fmt.Sprintf("%d running and %d waiting, the limit is %d", stats.Running, stats.Waiting, limit))
		}
	}
}

// limits are the most that was allowed at once, and how many workers run now.
func (c *crew) limits() (most limits, running int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most, len(c.running)
}

func (w *worker) queues() int {
	if w.config.Priorities == nil {
		return len(taskhawk.Priorities())
	}
	return len(w.config.Priorities)
}

func (w *worker) concurrency() int {
	if w.config.Concurrency == 0 {
		return taskhawk.DefaultConcurrency
	}
	return w.config.Concurrency
}

func (w *worker) prefetch() int {
	if w.config.Prefetch == 0 {
		return taskhawk.DefaultPrefetch
	}
	return w.config.Prefetch
}

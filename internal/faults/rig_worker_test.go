package faults_test

import (
	"context"
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
	done   chan error
}

// crew is the workers of a rig, and what they were allowed at once.
type crew struct {
	mu          sync.Mutex
	running     map[*worker]bool
	concurrency int // the most over time, all running workers together
	inFlight    int // the same with prefetch, for one queue
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
	w := &worker{Worker: loop, rig: r, config: config, cancel: cancel, done: make(chan error, 1)}
	r.crew.join(w)
	go func() {
		err := loop.Run(ctx)
		r.sink.failure(err)
		r.crew.leave(w)
		w.done <- err
	}()
	return w
}

// stop ends the worker, which must be clean, and returns how long it took.
func (w *worker) stop() time.Duration {
	w.rig.Helper()
	start := time.Now()
	w.cancel()
	require.NoError(w.rig, w.wait())
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
	concurrency, inFlight := 0, 0
	for w := range c.running {
		concurrency += w.concurrency()
		inFlight += w.concurrency() + w.prefetch()
	}
	c.concurrency, c.inFlight = max(c.concurrency, concurrency), max(c.inFlight, inFlight)
}

func (c *crew) leave(w *worker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, w)
}

// limits are how many handlers may have run at once, and how many messages of one queue may have been in flight; and how many
// workers run now.
func (c *crew) limits() (concurrency, inFlight, running int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.concurrency, c.inFlight, len(c.running)
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

package taskhawktest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Pipeline runs tasks in a test as a program that dispatches tasks and its worker do:
// through the wire format, all middleware, retries and dead letters. Make it with
// [NewPipeline].
type Pipeline struct {
	// Memory has the queues and the dead letters.
	Memory *Memory
	// Recorder has all that was dispatched, for [Dispatched].
	Recorder *Recorder

	t   testing.TB
	hub *taskhawk.Hub
}

// NewPipeline returns a pipeline for the tasks of config, which may be the configuration
// of the program: its Publisher and Sync are ignored, and without a Logger log lines go
// to the output of the test. In the returned context, and in the contexts of handlers,
// tasks are dispatched to the pipeline. They run in [Pipeline.RunUntilIdle].
func NewPipeline(t testing.TB, config taskhawk.Config) (context.Context, *Pipeline) {
	t.Helper()
	p := &Pipeline{Memory: NewMemory(MemoryConfig{}), Recorder: &Recorder{}, t: t}
	config.Publisher, config.Sync = p, false
	if config.Logger == nil {
		config.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	var err error
	if p.hub, err = taskhawk.NewHub(config); err != nil {
		t.Fatalf("taskhawktest: %v", err)
	}
	return taskhawk.ContextWithHub(t.Context(), p.hub), p
}

// Publish records the message and puts it on its queue. After Recorder.Fail it returns
// that error and does neither.
func (p *Pipeline) Publish(ctx context.Context, out *taskhawk.Outgoing) error {
	if err := p.Recorder.Publish(ctx, out); err != nil {
		return err
	}
	return p.Memory.Publish(ctx, out)
}

// RunUntilIdle runs the dispatched tasks, and the tasks that these dispatch, one at a
// time, until only dead letters are left. A task that fails is retried at once, unless
// taskhawk.WithBackoff or RetryAfter sets another delay. It has five attempts, or fewer
// by taskhawk.WithMaxAttempts. RunUntilIdle fails the test if the worker does not stop
// cleanly or the test's context ends first.
//
// Delays take as long as they are, but no time in a testing/synctest bubble. Only one
// call may run at a time.
func (p *Pipeline) RunUntilIdle() {
	p.t.Helper()
	if p.Memory.isEmpty() {
		return
	}
	worker, err := taskhawk.NewWorker(p.hub, p.Memory.Queues(), taskhawk.WorkerConfig{
		Concurrency: 1, AbortPolls: true, Backoff: func(int) time.Duration { return 0 },
	})
	if err != nil {
		p.t.Fatalf("taskhawktest: %v", err)
	}
	ctx, stop := context.WithCancel(p.t.Context())
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- worker.Run(ctx) }()
	idle := p.Memory.wait(ctx)
	stop()
	if err := <-stopped; err != nil {
		p.t.Fatalf("taskhawktest: %v", err)
	}
	if !idle {
		p.t.Fatalf("taskhawktest: the test ended before all tasks were done: %v", context.Cause(ctx))
	}
}

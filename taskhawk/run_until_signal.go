package taskhawk

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Runner is a worker: [Worker] or the worker of a transport.
type Runner interface {
	// Run works until ctx ends.
	Run(ctx context.Context) error
	// Abort ends the grace period of a stop.
	Abort()
}

// RunUntilSignal runs a worker until the process is told to end: the first SIGTERM or
// interrupt begins a stop, a second one ends the grace period. It is what the main
// function of a worker calls, and returns what Run returns.
func RunUntilSignal(ctx context.Context, worker Runner) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		for _, react := range []func(){stop, worker.Abort} {
			select {
			case <-signals:
				react()
			case <-finished:
				return
			}
		}
	}()
	return worker.Run(ctx)
}

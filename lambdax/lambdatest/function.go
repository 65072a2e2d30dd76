package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

var errClosed = errors.New("the function is closed")

// Function is a Lambda function in one execution environment. Its methods can be called
// concurrently.
type Function struct {
	config  Config
	closing chan struct{}
	once    sync.Once

	mu      sync.Mutex // held while a process starts
	current *environment
	starts  int
}

// Start runs the program and returns when it asks for its first invocation. If the
// program fails to do so, the error is a *FunctionError. The caller must call Close or
// Shutdown when done. ctx limits the start only.
func Start(ctx context.Context, config Config) (*Function, error) {
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("lambdatest: start: %w", err)
	}
	f := &Function{config: config, closing: make(chan struct{})}
	if _, err := f.environment(ctx); err != nil {
		return nil, fmt.Errorf("lambdatest: start %s: %w", config.Program, err)
	}
	return f, nil
}

// Invoke sends the function an event, and returns when it has answered, failed, or been
// killed. It waits while the process is busy with Config.Concurrency invocations. The
// error is about an invocation that could not be made, or whose wait ctx ended. Errors of
// the function are in Result.Error.
func (f *Function) Invoke(ctx context.Context, payload []byte, options ...InvokeOption) (Result, error) {
	i := newInvocation(payload, f.config.Timeout, options)
	for {
		e, err := f.environment(ctx)
		if failure, ok := errors.AsType[*FunctionError](err); ok {
			return Result{RequestID: i.id, Error: failure}, nil
		}
		if err != nil {
			return Result{}, fmt.Errorf("lambdatest: invoke: %w", err)
		}
		result, taken, err := e.run(ctx, i)
		if err != nil {
			return result, fmt.Errorf("lambdatest: invoke: %w", err)
		}
		if taken {
			return result, nil
		}
	}
}

// Starts returns how many processes were started: 1, and one more for each invocation
// that found none.
func (f *Function) Starts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.starts
}

// InitDuration returns the time between the start of the last process and its first
// request for an invocation: the program's part of a cold start.
func (f *Function) InitDuration() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current.mu.Lock()
	defer f.current.mu.Unlock()
	return f.current.initTook
}

// Signal sends a signal to the process.
func (f *Function) Signal(signal os.Signal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.current.command.Process.Signal(signal); err != nil {
		return fmt.Errorf("lambdatest: signal: %w", err)
	}
	return nil
}

// Shutdown ends the function as Lambda ends an environment that has been idle: with
// SIGTERM and, after 500 ms, SIGKILL if the program has lambda.WithEnableSIGTERM, else
// with SIGKILL at once. It returns how the process ended. Running invocations fail.
func (f *Function) Shutdown() *os.ProcessState { return f.end((*environment).terminate) }

// Close kills the process. It may be called more than once, and after Shutdown.
func (f *Function) Close() { f.end((*environment).kill) }

// environment returns the running process, or starts one.
func (f *Function) environment(ctx context.Context) (*environment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.closing:
		return nil, errClosed
	default:
	}
	if f.current != nil && !f.current.isGone() {
		return f.current, nil
	}
	e, err := launch(ctx, f.config)
	if err != nil {
		return nil, err
	}
	f.starts++
	f.current = e
	return e, e.await(ctx, f.closing)
}

func (f *Function) end(how func(*environment)) *os.ProcessState {
	f.once.Do(func() { close(f.closing) })
	f.mu.Lock()
	defer f.mu.Unlock()
	how(f.current)
	return f.current.command.ProcessState
}

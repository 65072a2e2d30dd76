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

// Start runs the program and returns when it asks for its first invocation. The error of
// a program that does not is a *FunctionError. The caller must call Close or Shutdown
// when done; the context is that of the start alone.
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

// Invoke gives the function an event, and returns when it has answered, has failed, or
// was killed. While the process is busy with as many invocations as Config.Concurrency
// says, it waits. The error is that of an invocation that could not be made, or was not
// waited for because ctx ended; what the function did wrong is in Result.Error.
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

// Starts is how many processes were started: 1, and one more for each invocation that
// found none.
func (f *Function) Starts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.starts
}

// InitDuration is how long the last process took from its start to its first request for
// an invocation: the part of a cold start that is the program's own.
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
// SIGTERM, and SIGKILL after 500 ms, when the program enabled it with
// lambda.WithEnableSIGTERM, and with SIGKILL at once when it did not. It returns how the
// process ended. Invocations under way fail.
func (f *Function) Shutdown() *os.ProcessState { return f.end((*environment).terminate) }

// Close kills the process. It may be called more than once, and after Shutdown.
func (f *Function) Close() { f.end((*environment).kill) }

// environment returns the process that runs, or starts one.
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

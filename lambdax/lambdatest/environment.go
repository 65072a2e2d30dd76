package lambdatest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// environment is one process of the function, and the Runtime API that it talks to.
type environment struct {
	config  Config
	server  *http.Server
	command *exec.Cmd
	began   time.Time
	work    chan *invocation // unbuffered: a value sent was taken
	grace   time.Duration    // terminationGrace, but for tests
	ready   chan struct{}    // closed when the runtime asks for its first invocation
	gone    chan struct{}    // closed when the process is gone and all its invocations have ended

	mu        sync.Mutex
	taken     map[string]*invocation // nil when the process is gone
	initTook  time.Duration
	initError *FunctionError
	wantsTERM bool
}

// launch starts a process and returns at once.
func launch(ctx context.Context, config Config) (*environment, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	e := &environment{
		config: config, work: make(chan *invocation), ready: make(chan struct{}), gone: make(chan struct{}),
		grace: terminationGrace, taken: map[string]*invocation{},
	}
	e.server = &http.Server{Handler: e.routes(), ReadHeaderTimeout: time.Minute}
	e.command = exec.Command(config.Program) //nolint:gosec,noctx // the caller's own program, which outlives the call
	e.command.Env = config.environ(listener.Addr().String())
	e.command.Stdout, e.command.Stderr = config.Output, config.Output
	e.command.WaitDelay = time.Second // for the output of processes that it leaves behind
	e.began = time.Now()
	if err := e.command.Start(); err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("start the program: %w", err)
	}
	go func() { _ = e.server.Serve(listener) }()
	go e.reap(watch(e.command.Process.Pid))
	return e, nil
}

// watch starts a shell that kills the process if this one ends first, for example because
// the test is killed. A busy function would run on otherwise. The shell waits for the end
// of a pipe that only this process holds open. unwatch ends the shell. Without /bin/sh,
// as on Windows, there is no watch.
func watch(pid int) (unwatch func()) {
	// Signals of the terminal reach the shell too. It must outlive this process.
	const script = `trap "" HUP INT TERM; read -r ended || kill -9 "$1"`
	arguments := []string{"-c", script, "lambdatest", strconv.Itoa(pid)}
	shell := exec.Command("/bin/sh", arguments...) //nolint:gosec,noctx // a number, and no call's
	alive, err := shell.StdinPipe()
	if err != nil || shell.Start() != nil {
		return func() {}
	}
	return func() {
		_, _ = io.WriteString(alive, "\n") // the error of a shell that was killed
		_ = shell.Wait()
	}
}

// reap waits for the end of the process, and ends its invocations.
func (e *environment) reap(unwatch func()) {
	_ = e.command.Wait()
	unwatch()
	e.mu.Lock()
	taken := e.taken
	e.taken = nil
	e.mu.Unlock()
	for _, i := range taken {
		i.end(nil, exited(i.id, e.state()))
	}
	_ = e.server.Close()
	close(e.gone)
}

// state returns how the process ended, such as "exit status 1".
func (e *environment) state() string { return e.command.ProcessState.String() }

// await waits until the runtime asks for an invocation. It kills a process that does not,
// and returns a FunctionError.
func (e *environment) await(ctx context.Context, closing <-chan struct{}) error {
	limit := time.NewTimer(e.config.InitTimeout)
	defer limit.Stop()
	select {
	case <-e.ready:
		return nil
	case <-e.gone:
		return e.initFailure()
	case <-limit.C:
		e.kill()
		return &FunctionError{
			Type:    ErrorTimedOut,
			Message: fmt.Sprintf("Error: Init timed out after %.2f seconds", e.config.InitTimeout.Seconds()),
		}
	case <-closing:
		e.kill()
		return errClosed
	case <-ctx.Done():
		e.kill()
		return context.Cause(ctx)
	}
}

// initFailure returns the error that the runtime reported before it ended, or an error
// about its end.
func (e *environment) initFailure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.initError != nil {
		return e.initError
	}
	return &FunctionError{Type: ErrorExit, Message: "Error: Runtime exited before its first invocation: " + e.state()}
}

// run gives the invocation to the runtime and waits for its end. It returns false when
// the process ended before it took it.
func (e *environment) run(ctx context.Context, i *invocation) (Result, bool, error) {
	// The select below chooses at random when the runtime waits for work too.
	if ctx.Err() != nil {
		return Result{}, true, context.Cause(ctx)
	}
	select {
	case e.work <- i:
	case <-e.gone:
		return Result{}, false, nil
	case <-ctx.Done():
		return Result{}, true, context.Cause(ctx)
	}
	select {
	case result := <-i.result:
		return result, true, nil
	case <-ctx.Done():
		return Result{RequestID: i.id}, true, context.Cause(ctx)
	}
}

// take assigns an invocation to the runtime, and starts its clock.
func (e *environment) take(i *invocation) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.taken == nil {
		i.end(nil, exited(i.id, e.state()))
		return false
	}
	e.taken[i.id] = i
	i.begin(func() {
		e.forget(i) // also waits until it has begun
		if i.end(nil, timedOut(i.id, i.timeout)) {
			_ = e.command.Process.Kill() // the error of a process that has ended
		}
	})
	return true
}

// find returns an invocation that the runtime has taken and not answered.
func (e *environment) find(id string) *invocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.taken[id]
}

// forget removes an answered invocation.
func (e *environment) forget(i *invocation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.taken, i.id)
}

// started records that the runtime is ready for invocations.
func (e *environment) started() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.initTook == 0 {
		e.initTook = time.Since(e.began)
		close(e.ready)
	}
}

// isGone reports whether the process has ended.
func (e *environment) isGone() bool {
	select {
	case <-e.gone:
		return true
	default:
		return false
	}
}

// kill ends the process by SIGKILL, and waits for its end.
func (e *environment) kill() {
	_ = e.command.Process.Kill() // the error of a process that has ended
	<-e.gone
}

// terminationGrace is the time between SIGTERM and SIGKILL for a program with internal
// extensions only. Source: "Understanding the Lambda execution environment lifecycle",
// shutdown phase.
const terminationGrace = 500 * time.Millisecond

// terminate ends the process as Lambda ends an idle one.
func (e *environment) terminate() {
	e.mu.Lock()
	wants := e.wantsTERM
	e.mu.Unlock()
	if wants && e.command.Process.Signal(syscall.SIGTERM) == nil {
		select {
		case <-e.gone:
		case <-time.After(e.grace):
		}
	}
	e.kill()
}

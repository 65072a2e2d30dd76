package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// process is a worker in a process of its own: the test binary, started again.
type process struct {
	rig    *rig
	cmd    *exec.Cmd
	output *output
	crew   *worker
	gone   chan struct{}
	late   time.Duration // the machine's share of the time that a wait took: how late a bare timer was meanwhile, at the worst
}

// spawn starts a worker process whose handlers the conductor runs. It is killed at the end of the test if it still runs.
func (r *rig) spawn(c *conductor, child childConfig) *process {
	r.Helper()
	child.Conductor = c.server.URL
	text, err := json.Marshal(child)
	require.NoError(r, err)
	p := &process{rig: r, cmd: exec.CommandContext(context.WithoutCancel(r.Context()), os.Args[0]), output: &output{}, gone: make(chan struct{})}
	p.cmd.Env = []string{
		childVariable + "=" + string(text), "AWS_ENDPOINT_URL_SQS=" + r.server.URL, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=" + canaryKeyID, "AWS_SECRET_ACCESS_KEY=" + canaryKey, "AWS_SESSION_TOKEN=" + canaryToken,
		"GORACE=atexit_sleep_ms=0", // a second, else
	}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	stdin, err := p.cmd.StdinPipe()
	require.NoError(r, err)
	p.crew = &worker{rig: r, config: child.worker()}
	r.crew.join(p.crew)
	require.NoError(r, p.cmd.Start())
	go p.reap(stdin)
	r.Cleanup(p.kill)
	return p
}

func (p *process) reap(stdin io.Closer) {
	defer close(p.gone)
	_ = p.cmd.Wait()
	_ = stdin.Close()
	p.rig.crew.leave(p.crew)
}

// signal sends a signal.
func (p *process) signal(sig os.Signal) {
	p.rig.Helper()
	require.NoError(p.rig, p.cmd.Process.Signal(sig))
}

// kill ends the process at once, as SIGKILL does, and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // the error of a process that has ended
	<-p.gone
}

// terminate sends SIGTERM and waits for the end.
func (p *process) terminate(limit time.Duration) (code int, took time.Duration) {
	p.rig.Helper()
	start := time.Now()
	p.signal(syscall.SIGTERM)
	return p.wait(limit), time.Since(start)
}

// wait returns the exit code of the process, which must end within limit; -1 is for one that a signal ended.
func (p *process) wait(limit time.Duration) int {
	p.rig.Helper()
	if !p.goes(limit) {
		require.Fail(p.rig, "the process still runs", "after %s; it wrote:\n%s", limit, p.output)
	}
	for _, secret := range canaries() {
		require.NotContains(p.rig, p.output.String(), secret, "in the output of the process")
	}
	return p.cmd.ProcessState.ExitCode()
}

// goes tells whether the process ends within limit, and notes how late the machine's timers are until then.
func (p *process) goes(limit time.Duration) bool {
	const beat = 5 * time.Millisecond
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for start, last := time.Now(), time.Now(); time.Since(start) < limit; {
		select {
		case <-p.gone:
			return true
		case <-tick.C:
			p.late = max(p.late, time.Since(last)-beat)
			last = time.Now()
		}
	}
	return false
}

// outlives tells whether the process still runs after d.
func (p *process) outlives(d time.Duration) bool {
	select {
	case <-p.gone:
		return false
	case <-time.After(d):
		return true
	}
}

// output is what a process wrote.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes text.
func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

// String is all of it.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// canaries are the secrets that must not show.
func canaries() []string {
	return []string{canaryArgument, canaryHeader, canaryKeyID, canaryKey, canaryToken}
}

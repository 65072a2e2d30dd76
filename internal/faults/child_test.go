package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// childVariable names the environment variable that makes the test binary a worker; it
// holds the JSON of a childConfig.
const childVariable = "FAULTS_CHILD"

// childConfig is what a worker process is told.
type childConfig struct {
	Conductor   string // URL of the conductor, which runs the handlers
	Concurrency int
	Prefetch    int
	Grace       time.Duration
	Visibility  time.Duration
}

// childMain is the main function of a worker, as users write it: the configuration of AWS
// comes from the environment. It returns the exit code.
func childMain(text string) int {
	go endWithParent()
	debug.SetMaxStack(16 << 20) // so that a stack overflow takes a moment and not a gigabyte
	err := runChild(context.Background(), text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// endWithParent ends the process when the test that started it is gone: its end of the
// pipe is closed then.
func endWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(2)
}

func runChild(ctx context.Context, text string) error {
	var child childConfig
	if err := json.Unmarshal([]byte(text), &child); err != nil {
		return err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	job := taskhawk.New("tests.job", child.handle)
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Tasks: []taskhawk.AnyTask{job}, Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	worker, err := sqsx.NewWorker(sqs.NewFromConfig(cfg), app, hub, child.worker())
	if err != nil {
		return err
	}
	return taskhawk.RunUntilSignal(ctx, worker)
}

// worker is the configuration of the worker in the process.
func (c childConfig) worker() sqsx.WorkerConfig {
	return sqsx.WorkerConfig{
		Priorities: []taskhawk.Priority{taskhawk.Default}, Concurrency: c.Concurrency, Prefetch: c.Prefetch,
		GracePeriod: c.Grace, VisibilityTimeout: c.Visibility, WaitTime: time.Second,
		Backoff: func(int) time.Duration { return time.Second },
	}
}

// handle asks the conductor what to do, and does it. A conductor that takes its time is a
// handler that takes its time.
func (c childConfig) handle(ctx context.Context, args jobArgs) error {
	query := url.Values{"id": {taskhawk.MetadataFrom(ctx).ID}, "n": {fmt.Sprint(args.N)}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Conductor+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return errors.Join(context.Cause(ctx), errFault)
	}
	defer response.Body.Close()
	order, err := io.ReadAll(response.Body)
	if err != nil {
		return errFault
	}
	return obey(command(order))
}

// command is what a conductor answers.
type command string

// The commands. All but the first two end the process, or never return.
const (
	toSucceed  command = "succeed"
	toFail     command = "fail"
	toHang     command = "hang"
	toPanic    command = "panic in a goroutine"
	toExit     command = "os.Exit"
	toOverflow command = "stack overflow"
	toBeKilled command = "SIGKILL, as the kernel does when memory runs out"
)

func obey(order command) error {
	switch order {
	case toSucceed:
		return nil
	case toHang:
		<-make(chan struct{})
	case toPanic:
		go panic(errFault)
		<-make(chan struct{})
	case toExit:
		os.Exit(7)
	case toOverflow:
		_ = overflow(os.Getpid())
	case toBeKilled:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		<-make(chan struct{})
	case toFail:
	}
	return errFault
}

// overflow ends only with the stack.
func overflow(n int) int {
	if n < 0 {
		return 0
	}
	return overflow(n+1) + n
}

// functionVariable names the environment variable that makes the test binary a Lambda
// function; it holds the JSON of a functionConfig.
const functionVariable = "FAULTS_FUNCTION"

// functionConfig is what a function is told.
type functionConfig struct {
	SNS, Both   bool // what triggers it; queues alone when neither is set
	Partial     bool
	ErrorIfAll  bool
	SkipGroups  bool
	Concurrency int
	Margin      time.Duration
	Visibility  bool // with a settler, for the SQS of AWS_ENDPOINT_URL_SQS
	SIGTERM     bool
}

// orderArgs are the arguments of the task that functions run: an order to its handler.
type orderArgs struct {
	Do     string
	N      int
	Takes  int // ms
	Secret string
}

// functionMain is the main function of a Lambda function, as users write it. It returns
// with an error only.
func functionMain(text string) error {
	var c functionConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Tasks:  []taskhawk.AnyTask{taskhawk.New("tests.order", carryOut), taskhawk.New("tests.timed", carryOut, taskhawk.WithTimeout(time.Hour))},
		Logger: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		return err
	}
	handler, err := c.handler(context.Background(), hub)
	if err != nil {
		return err
	}
	if c.SIGTERM {
		lambda.StartWithOptions(handler, lambda.WithEnableSIGTERM(func() {
			fmt.Println("told to end")
			os.Exit(0)
		}))
	}
	lambda.Start(handler)
	return errors.New("lambda.Start has returned")
}

func (c functionConfig) handler(ctx context.Context, hub *taskhawk.Hub) (any, error) {
	settings := lambdax.SQSConfig{
		PartialBatch: c.Partial, ErrorIfAllFailed: c.ErrorIfAll, SkipGroupOnError: c.SkipGroups, Concurrency: c.Concurrency, Margin: c.Margin,
	}
	if c.Visibility {
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, err
		}
		if settings.Settler, err = sqsx.NewSettler(sqs.NewFromConfig(cfg), sqsx.SettlerConfig{}); err != nil {
			return nil, err
		}
	}
	switch {
	case c.Both:
		return lambdax.Handler(hub, lambdax.HandlerConfig{SQS: settings})
	case c.SNS:
		return lambdax.SNS(hub, lambdax.SNSConfig{})
	}
	return lambdax.SQS(hub, settings)
}

// carryOut runs an order, and says so first.
func carryOut(ctx context.Context, order orderArgs) error {
	fmt.Printf("ran %d, attempt %d\n", order.N, taskhawk.MetadataFrom(ctx).Attempt)
	select {
	case <-time.After(time.Duration(order.Takes) * time.Millisecond):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	switch order.Do {
	case "ok":
		return nil
	case "ignore":
		return taskhawk.Ignore(errFault)
	case "panic":
		panic("secret=" + order.Secret)
	case "goexit":
		runtime.Goexit()
	case "permanent":
		return taskhawk.Permanent(errFault)
	case "hang":
		<-make(chan struct{})
	case "exit":
		os.Exit(7)
	case "recover":
		if taskhawk.MetadataFrom(ctx).Attempt > 1 {
			return nil
		}
		return taskhawk.RetryAfter(time.Second, errFault)
	}
	return errFault
}

// process is a worker in its own process: the test binary, started again.
type process struct {
	env     *env
	cmd     *exec.Cmd
	output  *output
	workers *worker
	gone    chan struct{}
	late    time.Duration // the machine's share of the time that a wait took: how late a bare timer was meanwhile, at the worst
}

// spawn starts a worker process whose handlers the conductor runs. It is killed at the
// end of the test if it still runs.
func (r *env) spawn(c *conductor, child childConfig) *process {
	r.Helper()
	child.Conductor = c.server.URL
	text, err := json.Marshal(child)
	require.NoError(r, err)
	p := &process{env: r, cmd: exec.CommandContext(context.WithoutCancel(r.Context()), os.Args[0]), output: &output{}, gone: make(chan struct{})}
	p.cmd.Env = []string{
		childVariable + "=" + string(text), "AWS_ENDPOINT_URL_SQS=" + r.server.URL, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=" + canaryKeyID, "AWS_SECRET_ACCESS_KEY=" + canaryKey, "AWS_SESSION_TOKEN=" + canaryToken,
		"GORACE=atexit_sleep_ms=0", // a second, else
	}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	stdin, err := p.cmd.StdinPipe()
	require.NoError(r, err)
	p.workers = &worker{env: r, config: child.worker()}
	r.workers.join(p.workers)
	require.NoError(r, p.cmd.Start())
	go p.reap(stdin)
	r.Cleanup(p.kill)
	return p
}

func (p *process) reap(stdin io.Closer) {
	defer close(p.gone)
	_ = p.cmd.Wait()
	_ = stdin.Close()
	p.env.workers.leave(p.workers)
}

// signal sends a signal.
func (p *process) signal(sig os.Signal) {
	p.env.Helper()
	require.NoError(p.env, p.cmd.Process.Signal(sig))
}

// kill ends the process at once, as SIGKILL does, and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // the error of a process that has ended
	<-p.gone
}

// terminate sends SIGTERM and waits for the end.
func (p *process) terminate(limit time.Duration) (code int, took time.Duration) {
	p.env.Helper()
	start := time.Now()
	p.signal(syscall.SIGTERM)
	return p.wait(limit), time.Since(start)
}

// wait returns the exit code of the process, which must end within limit; -1 is for one
// that a signal ended.
func (p *process) wait(limit time.Duration) int {
	p.env.Helper()
	if !p.goes(limit) {
		require.Fail(p.env, "the process still runs", "after %s; it wrote:\n%s", limit, p.output)
	}
	for _, secret := range canaries() {
		require.NotContains(p.env, p.output.String(), secret, "in the output of the process")
	}
	return p.cmd.ProcessState.ExitCode()
}

// goes reports whether the process ends within limit, and notes how late the machine's
// timers are until then.
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

// outlives reports whether the process still runs after d.
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

package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// childVariable names the environment variable that makes the test binary a worker; it holds the JSON of a childConfig.
const childVariable = "FAULTS_CHILD"

// childConfig is what a worker process is told.
type childConfig struct {
	Conductor   string // URL of the conductor, who runs the handlers
	Concurrency int
	Prefetch    int
	Grace       time.Duration
	Visibility  time.Duration
}

// childMain is the main function of a worker, as users write it: the configuration of AWS comes from the environment. It returns
// the exit code.
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

// endWithParent ends the process when the test that started it is gone: its end of the pipe is closed then.
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

// handle asks the conductor what to do, and does it. A conductor who takes his time is a handler that takes its time.
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

// Program observed shows the traces and metrics of tasks, on the embedded SQS server.
//
// An HTTP API dispatches three tasks: one succeeds, one fails once, one becomes a dead
// letter. The program prints their traces, and its metrics as Prometheus reads them. With
// -listen localhost:8080 it goes on, and serves both as a page and the API as
// POST /signup?name=ann.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

const app = "dev-myapp"

func main() {
	address := flag.String("listen", "", "serve the page and the API here until a signal; empty prints and ends")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *address); err != nil {
		fmt.Fprintln(os.Stderr, "observed:", err)
		os.Exit(1) //nolint:gocritic // the process ends, and with it the signals
	}
}

// run runs the service on an SQS within this process.
func run(ctx context.Context, out io.Writer, address string) (err error) {
	server := sqstest.NewServer()
	defer server.Close()
	client := server.Client()
	if err := sqsx.Provision(ctx, client, app, sqsx.ProvisionConfig{MaxReceiveCount: 2}); err != nil {
		return err
	}
	o, err := newObservability()
	if err != nil {
		return err
	}
	publisher, err := sqsx.NewPublisher(client, app, sqsx.PublisherConfig{})
	if err != nil {
		return err
	}
	s := &service{tracer: o.traces.Tracer("observed"), done: make(chan string, 16)}
	hub, err := taskhawk.NewHub(o.telemetry.Apply(taskhawk.Config{
		Publisher: publisher,
		Tasks:     []taskhawk.AnyTask{Signup.WithHandler(s.signup), Welcome.WithHandler(s.welcome)},
		Logger:    quiet(),
	}))
	if err != nil {
		return err
	}
	worker, err := sqsx.NewWorker(client, app, hub, sqsx.WorkerConfig{
		WaitTime: time.Second, Backoff: taskhawk.ExponentialBackoff(time.Second, time.Second),
	})
	if err != nil {
		return err
	}
	watching, err := o.telemetry.WatchWorker(app, worker.Worker.Stats)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watching.Unregister()) }()

	working, cancel := context.WithCancel(ctx)
	worked := make(chan error, 1)
	go func() { worked <- worker.Run(working) }()
	stop := sync.OnceValue(func() error { cancel(); return <-worked })
	defer func() { err = errors.Join(err, stop()) }()
	if err := s.demo(ctx); err != nil {
		return err
	}
	if address != "" {
		return serve(ctx, address, s, o, out)
	}
	if err := stop(); err != nil { // so that all is settled
		return err
	}
	return o.print(out)
}

// demo signs three people up, by the API, and waits until nothing is left to run.
func (s *service) demo(ctx context.Context) error {
	for _, name := range []string{"ann", "flaky", "unknown"} {
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/signup?name="+name, nil)
		response := httptest.NewRecorder()
		s.ServeHTTP(response, request)
		if response.Code != http.StatusAccepted {
			return fmt.Errorf("sign up %s: %s", name, response.Body)
		}
	}
	for range 8 { // three signups, and five runs of welcome: one, two and two
		select {
		case <-s.done:
		case <-time.After(30 * time.Second):
			return errors.New("a task did not run in time")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// serve serves the page and the API until ctx ends.
func serve(ctx context.Context, address string, s *service, o *observability, out io.Writer) error {
	mux := http.NewServeMux()
	mux.Handle("POST /signup", s)
	mux.Handle("GET /metrics", o.metricsHandler())
	mux.HandleFunc("GET /{$}", o.servePage)
	web := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = web.Close() })
	fmt.Fprintf(out, "\nthe page: http://%s/, metrics: http://%s/metrics\n", address, address)
	if err := web.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

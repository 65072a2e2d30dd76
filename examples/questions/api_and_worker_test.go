package questions_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/taskhawk/taskhawk-go/examples/questions/local"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type signUpArgs struct{ Email string }

// serve runs an HTTP server and a worker in one process until ctx ends: first the server
// drains, since its requests dispatch, then the worker.
func serve(ctx context.Context, listener net.Listener, mux http.Handler, worker *sqsx.Worker) error {
	working, stopWorker := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorker()
	worked := make(chan error, 1)
	go func() { worked <- worker.Run(working) }()

	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	var failed error
	select {
	case <-ctx.Done(): // signal.NotifyContext in a program
	case failed = <-served:
	case failed = <-worked:
		worked <- failed
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	failed = errors.Join(failed, server.Shutdown(draining))
	stopWorker()
	return errors.Join(failed, <-worked)
}

// How do I run the API and the worker in one process? Give each its own end: on a stop the
// server drains before the worker does.
func Example_apiAndWorkerInOneProcess() {
	client, stop := local.Queues(nil, "dev-app")
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	welcome := taskhawk.New("users.welcome", func(_ context.Context, args signUpArgs) error {
		fmt.Println("welcome,", args.Email)
		cancel() // the example has seen enough; a program ends by SIGTERM
		return nil
	})
	hub := local.Hub(client, "dev-app", nil, welcome)
	worker, err := sqsx.NewWorker(client, "dev-app", hub, sqsx.WorkerConfig{AbortPolls: true})
	if err != nil {
		fmt.Println(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /users", func(w http.ResponseWriter, r *http.Request) {
		id, err := welcome.Dispatch(r.Context(), signUpArgs{Email: r.FormValue("email")})
		if err != nil {
			slog.ErrorContext(r.Context(), "not dispatched", "error", err)
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, id)
	})
	mux.Handle("/healthz/", http.StripPrefix("/healthz", worker.Probes(0)))

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
	}
	done := make(chan error)
	go func() { done <- serve(ctx, listener, mux, worker) }()
	url := "http://" + listener.Addr().String() + "/users?email=ann@example.com"
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, nil)
	if err != nil {
		fmt.Println(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = res.Body.Close()
	fmt.Println("ended:", <-done)
	fmt.Println("accepted:", res.StatusCode == http.StatusAccepted)
	// Output:
	// welcome, ann@example.com
	// ended: <nil>
	// accepted: true
}

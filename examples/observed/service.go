package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/otel/trace"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// PersonArgs identify the person of a task.
type PersonArgs struct {
	Name string `validate:"required"`
}

// The tasks. Their handlers are methods of service.
var (
	Signup  = taskhawk.New[PersonArgs]("accounts.signup", nil, taskhawk.WithPriority(taskhawk.High))
	Welcome = taskhawk.New[PersonArgs]("mails.welcome", nil)
)

// service is an API and the handlers of its tasks.
type service struct {
	tracer trace.Tracer
	done   chan string
}

// ServeHTTP dispatches a signup, in the span of the request.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, span := s.tracer.Start(r.Context(), "POST /signup", trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	id, err := Signup.Dispatch(ctx, PersonArgs{Name: r.URL.Query().Get("name")})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	_, _ = fmt.Fprintln(w, id)
}

// signup makes the account, and dispatches the next task: its send is in the trace of this run.
func (s *service) signup(ctx context.Context, args PersonArgs) error {
	defer s.ran("signup")
	_, err := Welcome.Dispatch(ctx, args)
	return err
}

var (
	errBusy    = errors.New("the mail server is busy")
	errUnknown = errors.New("no such person")
)

// welcome fails once for the name "flaky", and always for "unknown".
func (s *service) welcome(ctx context.Context, args PersonArgs) error {
	defer s.ran("welcome")
	switch {
	case args.Name == "unknown":
		return errUnknown
	case args.Name == "flaky" && taskhawk.MetadataFrom(ctx).Attempt == 1:
		return taskhawk.Retry(errBusy)
	}
	return nil
}

// ran notes a run, so that demo can wait for all runs.
func (s *service) ran(task string) {
	select {
	case s.done <- task:
	default:
	}
}

// quiet leaves the account to the traces.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

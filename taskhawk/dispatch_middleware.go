package taskhawk

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// Dispatch is a message on its way out, before its body is written: what
// [DispatchMiddleware] sees. It is not changed after all middleware has returned.
type Dispatch struct {
	// ID is the id of the task's run.
	ID string
	// Task is the name of the task.
	Task string
	// Priority is the priority that the message is sent with.
	Priority Priority
	// Delay is how long the message stays invisible at first.
	Delay time.Duration
	// Group is the message group; empty for none.
	Group string
	// DeduplicationID is that of a FIFO queue; empty for none.
	DeduplicationID string
	// Index is the place of the message in the slice of a DispatchAll; 0 in Dispatch.
	Index int
	// Destination is where the publisher sends the message; zero if it does not say, or
	// in Sync mode.
	Destination Destination

	headers Headers
	own     bool // headers is a copy
}

// Destination is a queue or topic.
type Destination struct {
	// System is the service, as OpenTelemetry names it: "aws_sqs" or "aws.sns".
	System string
	// Name is the name of the queue or topic.
	Name string
}

// DestinationPublisher is a [Publisher] that says where it sends the messages of a
// priority, for [Dispatch]. A decorator that should not lose it implements it too.
type DestinationPublisher interface {
	Publisher
	// Destination returns the queue or topic of a priority, zero if there is none. It
	// does not change.
	Destination(priority Priority) Destination
}

// Header returns the header of that name, empty if there is none.
func (d *Dispatch) Header(name string) string { return d.headers[name] }

// Headers returns all headers: the defaults, those of the task, those of the call, and
// what middleware has set. It is nil if there are none. Do not change the map.
func (d *Dispatch) Headers() Headers { return d.headers }

// SetHeader sets a header of this message, in place of one that has the same name. The
// rules of [Headers] hold: a name or value that they refuse fails the dispatch.
func (d *Dispatch) SetHeader(name, value string) {
	if !d.own {
		copied := make(Headers, len(d.headers)+1)
		maps.Copy(copied, d.headers)
		d.headers, d.own = copied, true
	}
	d.headers[name] = value
}

// DispatchMiddleware is called for each message that is dispatched, also for each of a
// DispatchAll and in Sync mode, when its arguments are validated and before its body is
// written. It may add headers to d. It returns the context that the message is sent with,
// and a function that is called with the result of this message; both may be nil.
//
// The messages of a DispatchAll are sent together, with the context of its caller where
// the publisher takes batches: the contexts that middleware returns count in Dispatch, in
// Sync mode, and for publishers without batches.
//
// The first middleware in Config.DispatchMiddleware is the outermost: called first, its
// function last. If it panics, nothing is sent and the dispatch fails; a panic of the
// function is logged, and changes no result. It is called concurrently, by the goroutine
// of the caller, which a hang holds.
type DispatchMiddleware func(ctx context.Context, d *Dispatch) (context.Context, func(error))

// sending is a message whose middleware was called.
type sending struct {
	ctx  context.Context //nolint:containedctx // of the send that follows
	ends []func(error)
}

// begin calls the middleware of a message.
func (h *Hub) begin(ctx context.Context, d *Dispatch) (s sending, err error) {
	s.ctx = ctx
	defer func() {
		if err != nil {
			h.end(s, err)
		}
	}()
	defer recoverTo(&err)
	if d.Priority.Valid() {
		d.Destination = h.destinations[d.Priority]
	}
	s.ends = make([]func(error), 0, len(h.dispatching))
	for _, middleware := range h.dispatching {
		next, end := middleware(s.ctx, d)
		if next != nil {
			s.ctx = next //nolint:fatcontext // each middleware wraps that of the one before
		}
		if end != nil {
			s.ends = append(s.ends, end)
		}
	}
	return s, nil
}

// end reports the result of a message to its middleware, the innermost first.
func (h *Hub) end(s sending, err error) {
	for _, end := range slices.Backward(s.ends) {
		if panicked := attempt(func() { end(err) }); panicked != nil {
			h.report(s.ctx, slog.LevelError, "dispatch middleware failed after the send", guard.ErrorAttr(panicked))
		}
	}
}

// setDispatchMiddleware checks the middleware, and asks the publisher once where it
// sends.
func (h *Hub) setDispatchMiddleware(middleware []DispatchMiddleware, publisher Publisher) error {
	for i, m := range middleware {
		if m == nil {
			return fmt.Errorf("Config.DispatchMiddleware[%d] is nil", i)
		}
	}
	h.dispatching = slices.Clone(middleware)
	where, ok := publisher.(DestinationPublisher)
	if !ok || len(middleware) == 0 {
		return nil
	}
	for _, priority := range Priorities() {
		if err := attempt(func() { h.destinations[priority] = where.Destination(priority) }); err != nil {
			return fmt.Errorf("Config.Publisher: destination of priority %s: %w", priority, err)
		}
	}
	return nil
}

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

// Dispatch describes an outgoing message to [DispatchMiddleware], before its body is
// written. It does not change after all middleware has returned.
type Dispatch struct {
	// ID is the id of the task's run.
	ID string
	// Task is the name of the task.
	Task string
	// Priority is the priority of the message.
	Priority Priority
	// Delay is how long the message stays invisible after the send.
	Delay time.Duration
	// Group is the message group; empty for none.
	Group string
	// DeduplicationID is the deduplication id for a FIFO queue; empty for none.
	DeduplicationID string
	// Index is the place of the message in the slice of a DispatchAll; 0 in Dispatch.
	Index int
	// Destination is where the publisher sends the message. It is zero in Sync mode, and
	// if the publisher is no [DestinationPublisher].
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

// DestinationPublisher is a [Publisher] that names the queue or topic of a priority, for
// [Dispatch]. A publisher that wraps another must implement it too, or the name is lost.
type DestinationPublisher interface {
	Publisher
	// Destination returns the queue or topic of a priority, zero if there is none. It
	// must always return the same.
	Destination(priority Priority) Destination
}

// Header returns the header of that name, empty if there is none.
func (d *Dispatch) Header(name string) string { return d.headers[name] }

// Headers returns all headers: of the hub, of the task, of the call, and of middleware.
// It returns nil if there are none. Do not change the map.
func (d *Dispatch) Headers() Headers { return d.headers }

// SetHeader sets a header of this message and replaces one of the same name. A name or
// value that the rules of [Headers] refuse fails the dispatch.
func (d *Dispatch) SetHeader(name, value string) {
	if !d.own {
		copied := Headers{}
		maps.Copy(copied, d.headers)
		d.headers, d.own = copied, true
	}
	d.headers[name] = value
}

// DispatchMiddleware is called for each message that is dispatched, in a DispatchAll and
// in Sync mode too. It is called after the arguments are validated and before the body is
// written. It may add headers to d. It returns the context to send the message with, and
// a function to call with the result of this message. Both may be nil.
//
// If the publisher takes batches, DispatchAll sends its messages with the context of its
// caller. The contexts that middleware returns are then not used. They are used in
// Dispatch, in Sync mode, and for publishers without batches.
//
// The first middleware in Config.DispatchMiddleware is the outermost: it is called first,
// and its function last. If middleware panics, nothing is sent and the dispatch fails. A
// panic of the function is logged and changes no result. Middleware is called
// concurrently, in the goroutine of the caller, so one that hangs blocks the caller.
type DispatchMiddleware func(ctx context.Context, d *Dispatch) (context.Context, func(error))

// begin calls the middleware of a message. After a panic p has the functions of those
// that returned.
func (p *prepared) begin(d *Dispatch) {
	if d.Priority.Valid() {
		d.Destination = p.hub.destinations[d.Priority]
	}
	p.ends = make([]func(error), 0, len(p.hub.dispatching))
	for _, middleware := range p.hub.dispatching {
		next, end := middleware(p.ctx, d)
		if next != nil {
			p.ctx = next //nolint:fatcontext // each middleware wraps the context of the one before
		}
		if end != nil {
			p.ends = append(p.ends, end)
		}
	}
}

// end passes the result of a message to its middleware, the innermost first.
func (p *prepared) end(err error) {
	if len(p.ends) != 0 { // inlined: most hubs have no such middleware
		p.callEnds(err)
	}
}

func (p *prepared) callEnds(err error) {
	for _, end := range slices.Backward(p.ends) {
		if panicked := attempt(func() { end(err) }); panicked != nil {
			p.hub.report(p.ctx, slog.LevelError, "dispatch middleware failed after the send", guard.ErrorAttr(panicked))
		}
	}
}

// setDispatchMiddleware checks the middleware, and asks the publisher once for its
// destinations.
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

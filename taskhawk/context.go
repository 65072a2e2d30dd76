package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// scope is a context with the values of this package: the hub that dispatches and, for a
// handler, its delivery. It is a context itself, and not the value of one, which saves an
// allocation for each delivery.
type scope struct {
	context.Context //nolint:containedctx // the parent

	hub      *Hub
	delivery *Delivery
	message  messageHead // of the delivery, once it is read
	attrs    *LogAttrs   // of the delivery, or a fresh set
}

// messageHead has the fields of [Metadata] that come from the message. [MetadataFrom]
// takes the others from the delivery, since each task in flight has a scope.
type messageHead struct {
	id, task  string
	priority  Priority
	headers   Headers
	timestamp time.Time
}

// newScope makes the scope of a delivery, with a set of log attributes if the delivery
// has none: in one allocation, since each task in flight has them.
func newScope(ctx context.Context, h *Hub, d *Delivery) *scope {
	if d.LogAttrs != nil {
		return &scope{Context: ctx, hub: h, delivery: d, attrs: d.LogAttrs}
	}
	both := &struct {
		scope
		own LogAttrs
	}{scope: scope{Context: ctx, hub: h, delivery: d}}
	both.attrs = &both.own
	return &both.scope
}

type scopeKey struct{}

// Value returns s for scopeKey, otherwise the value of the parent.
func (s *scope) Value(key any) any {
	if key == (scopeKey{}) {
		return s
	}
	return s.Context.Value(key)
}

// String and GoString keep a printed context free of the headers that s has.
func (*scope) String() string { return "taskhawk.scope" }

func (s *scope) GoString() string { return s.String() }

func scopeFrom(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// ContextWithHub returns a context in which every Dispatch goes through hub, whichever
// hubs the task is registered with. Tests use it to give each test its own hub; programs
// with several hubs use it to choose one. The context of a running handler already has
// the hub that runs it.
func ContextWithHub(ctx context.Context, hub *Hub) context.Context {
	next := scope{Context: ctx, hub: hub}
	if s := scopeFrom(ctx); s != nil {
		next.delivery, next.message, next.attrs = s.delivery, s.message, s.attrs
	}
	return &next
}

// HubFrom returns the hub of ctx: the hub that runs the current handler, or the hub of
// [ContextWithHub]. It returns nil if ctx has none.
func HubFrom(ctx context.Context) *Hub {
	if s := scopeFrom(ctx); s != nil {
		return s.hub
	}
	return nil
}

// DeliveryFrom returns the delivery that the current handler runs for, and nil outside of
// a handler. Transports use it to give handlers the raw message; see sqsx.MessageFrom.
func DeliveryFrom(ctx context.Context) *Delivery {
	if s := scopeFrom(ctx); s != nil {
		return s.delivery
	}
	return nil
}

// Metadata describes the delivery that a handler runs for. Get it with [MetadataFrom].
type Metadata struct {
	// ID identifies the run of the task: made once by Dispatch, the same on every
	// redelivery.
	ID string
	// Task is the name of the task.
	Task string
	// Priority is the priority of the dispatch.
	Priority Priority
	// Headers are the headers of the dispatch, nil if there were none. They belong to
	// this delivery: changing them affects nothing else.
	Headers Headers
	// Timestamp is when the task was dispatched, by the sender's clock, with the
	// precision of the message (ms).
	Timestamp time.Time
	// Version is the version of the message format, "1.0".
	Version string
	// Attempt counts the deliveries of this message, from 1. On SQS it is
	// ApproximateReceiveCount, which also counts receives that no handler saw. It is 1 in
	// Sync mode and on Lambda behind SNS.
	Attempt int
	// Queue is the name of the queue of the message; empty if there is none, as in Sync
	// mode.
	Queue string
	// MessageID is the id that SQS or SNS gave the message, the same on every redelivery;
	// in Sync mode it is ID.
	MessageID string
	// Topic is the ARN of the SNS topic of the message; empty if there is none. Behind a
	// queue it comes from the envelope in the body, which any sender to the queue can
	// write: do not use it to authorize a message.
	Topic string
	// Receipt is the receipt handle of this delivery, for your own calls to SQS; empty if
	// there is none. Treat it as a credential: anyone who has it can delete the message.
	Receipt string
}

// MetadataFrom returns the metadata of the delivery that ctx belongs to, and the zero
// Metadata (its ID is empty) outside of a handler.
func MetadataFrom(ctx context.Context) Metadata {
	s := scopeFrom(ctx)
	if s == nil || s.message.id == "" {
		return Metadata{}
	}
	m, d := &s.message, s.delivery
	return Metadata{
		ID: m.id, Task: m.task, Priority: m.priority, Headers: m.headers, Timestamp: m.timestamp,
		Version: FormatVersion, Attempt: max(d.Attempt, 1), Queue: d.Queue, MessageID: d.MessageID,
		Topic: d.Topic, Receipt: d.Receipt,
	}
}

// LastAttempt reports whether the message of the running handler becomes a dead letter if
// this attempt fails. That is so if the queue, as far as the transport knows, or
// [WithMaxAttempts] allows no more attempts. It returns false outside of a handler.
func LastAttempt(ctx context.Context) bool {
	s := scopeFrom(ctx)
	if s == nil || s.delivery == nil {
		return false
	}
	if s.delivery.lastAttempt() {
		return true
	}
	if s.hub == nil || s.hub.tasks[s.message.task] == nil {
		return false
	}
	r := s.hub.tasks[s.message.task]
	last := r.lastAttempt(s.delivery)
	return last > 0 && max(s.delivery.Attempt, 1) >= last
}

// LogValue returns the fields that are safe to log: no header and no receipt handle.
func (m Metadata) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", inLog(m.ID)),
		slog.String("task", inLog(m.Task)),
		slog.String("priority", m.Priority.String()),
		slog.Int("attempt", m.Attempt),
		slog.String("queue", inLog(m.Queue)),
	)
}

// ErrVisibilityLost is the cause (context.Cause) with which a handler's context ends
// when the lease on its message is lost. The visibility timeout passed without an
// extension, for example in a network outage, or twelve hours are over. Another worker
// may already run the task, and this worker does not delete the message. If the message
// comes back to this worker while the handler runs, it is held again until the handler
// returns, and the outcome of the handler applies. Errors of [ExtendVisibility] wrap
// ErrVisibilityLost too.
var ErrVisibilityLost = errors.New("the lease on the message is lost")

// ErrNoVisibility is returned by [ExtendVisibility] where there is no visibility timeout
// to extend: outside of a handler, in Sync mode, and on Lambda behind SNS, or behind SQS
// without a Settler in lambdax.SQSConfig.
var ErrNoVisibility = errors.New("this delivery has no visibility timeout")

// ExtendVisibility keeps the message of the running handler invisible to other workers
// for d from now; the time left is not added. A [Worker] extends by itself while the
// handler runs. Call it on Lambda, or for a lease that outlives a crash.
//
// If d is 0, the message is given back at once. The worker extends it no more, and what
// the handler returns has no effect. The next delivery may run before the handler has
// returned, also in the same worker.
//
// SQS counts whole seconds (d is rounded up) and refuses more than 12 hours after the
// message was received. The error wraps [ErrNoVisibility] if there is nothing to extend.
// Any other error means that the lease may be lost and another worker may run the task
// too. ExtendVisibility may be called concurrently.
func ExtendVisibility(ctx context.Context, d time.Duration) error {
	delivery := DeliveryFrom(ctx)
	if delivery == nil || delivery.Settler == nil {
		return ErrNoVisibility
	}
	if d < 0 {
		return fmt.Errorf("taskhawk: extend visibility: negative duration %s", d)
	}
	if err := delivery.Settler.SetVisibility(ctx, delivery, d); err != nil {
		return fmt.Errorf("taskhawk: extend visibility: %w", err)
	}
	return nil
}

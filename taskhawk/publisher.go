package taskhawk

import (
	"context"
	"log/slog"
	"time"
)

// Outgoing is a message on its way to a queue: the wire JSON in Body, and beside it what a transport needs to send it.
// Body is the truth; the other fields repeat what is in it, or (Delay, Group, DeduplicationID) say how to send it.
type Outgoing struct {
	// ID is the id of the task's run, also in Body.
	ID string
	// Task is the task's name, also in Body.
	Task string
	// Priority chooses the queue, also in Body.
	Priority Priority
	// Headers are the merged headers, also in Body. Transports only read them.
	Headers Headers
	// Body is the wire JSON, to be sent unchanged.
	Body string
	// Delay is how long the message stays invisible at first; 0 = the queue's own delay.
	Delay time.Duration
	// Group is the message group: order on a FIFO queue, the tenant of a fair standard queue; empty for none.
	Group string
	// DeduplicationID is for FIFO queues; empty for none.
	DeduplicationID string
}

// LogValue gives log/slog what is safe to log: neither body nor headers.
func (o Outgoing) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", clip(o.ID)),
		slog.String("task", o.Task),
		slog.String("priority", o.Priority.String()),
	)
}

// Publisher puts messages on queues. It is the one thing to implement for sending, and to wrap for decorating it.
type Publisher interface {
	// Publish sends one message and returns nil only when the service has stored it. An error means "not stored, or
	// not known to be": a caller that repeats it should use the same ID.
	//
	// It may block for as long as the service takes, within ctx. It retries what is worth retrying itself; callers do
	// not. It must be safe to call concurrently. It may keep out, which nobody changes afterwards.
	Publish(ctx context.Context, out *Outgoing) error
}

// BatchPublisher is a Publisher that can send several messages in fewer calls. DispatchAll uses it where it is there;
// a decorator that should not lose it implements it too.
type BatchPublisher interface {
	Publisher
	// PublishBatch sends the messages, in as many calls as the service wants, and returns one error per message, nil
	// for those that are stored. The result has the length of outs. Otherwise as Publish.
	PublishBatch(ctx context.Context, outs []*Outgoing) []error
}

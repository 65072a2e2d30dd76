package taskhawk

import (
	"context"
	"log/slog"
	"time"
)

// Metadata describes the delivery that a handler runs for. Get it with [MetadataFrom].
type Metadata struct {
	// ID identifies the run of the task: made once by Dispatch, the same on every redelivery.
	ID string
	// Task is the name of the task.
	Task string
	// Priority is what the task was dispatched with.
	Priority Priority
	// Headers are those the task was dispatched with, nil when there were none. They belong to this delivery: changing
	// them affects nobody else.
	Headers Headers
	// Timestamp is when the task was dispatched, by the sender's clock, with the precision of the message (ms).
	Timestamp time.Time
	// Version is the version of the message format, "1.0".
	Version string
	// Attempt counts the deliveries of this message, from 1. On SQS it is ApproximateReceiveCount, which also counts
	// receives that no handler saw. It is 1 in Sync mode and on Lambda behind SNS.
	Attempt int
	// Queue is the name of the queue the message came from; empty where there is none (Sync mode).
	Queue string
	// MessageID is the id that SQS or SNS gave the message, the same on every redelivery; in Sync mode it is ID.
	MessageID string
	// Topic is the ARN of the SNS topic that the message came through; empty where there is none.
	Topic string
	// Receipt is the receipt handle of this delivery, for calls of your own to SQS; empty where there is none.
	// Treat it as a credential: who has it can delete the message.
	Receipt string
}

// MetadataFrom returns the metadata of the delivery that ctx belongs to, and the zero Metadata (its ID is empty)
// outside of a handler.
func MetadataFrom(ctx context.Context) Metadata {
	if s := scopeFrom(ctx); s != nil {
		return s.metadata
	}
	return Metadata{}
}

// LogValue gives log/slog what is safe to log: no header and no receipt handle.
func (m Metadata) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", clip(m.ID)),
		slog.String("task", clip(m.Task)),
		slog.String("priority", m.Priority.String()),
		slog.Int("attempt", m.Attempt),
		slog.String("queue", m.Queue),
	)
}

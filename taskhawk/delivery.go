package taskhawk

import (
	"log/slog"
	"time"
)

// Delivery is one message as a transport received it: what [Hub.Handle] takes.
// A transport fills it once and does not change it afterwards; handlers see it through [DeliveryFrom].
type Delivery struct {
	// Body is the text of the message: the wire JSON, or an SNS notification that wraps it.
	Body string
	// Attributes are the string attributes beside the body. Only "taskhawk_encoding" has a meaning here.
	Attributes map[string]string
	// MessageID is the transport's own id of the message, stable over redeliveries; not the task's ID.
	MessageID string
	// Queue is the name of the queue it came from.
	Queue string
	// Topic is the ARN of the SNS topic that it came through; empty for none. Where the body is an SNS notification, that says it.
	Topic string
	// Receipt is the receipt handle: what the transport needs to settle this delivery.
	Receipt string
	// Attempt counts deliveries of this message, from 1; 0 is read as 1.
	Attempt int
	// Group is the message group (FIFO order, or the tenant on a standard queue); empty for none.
	Group string
	// Sent is when the message was put on the queue, by the service's clock; zero when unknown.
	Sent time.Time
	// Received is when the transport got it.
	Received time.Time
	// ClaimEnds is when the claim on it ends however often it is extended (on SQS, 12 hours after Received);
	// zero for never.
	ClaimEnds time.Time
	// Deadline is when handling has to be over, as at the end of a Lambda invocation; zero for no limit. A task is not started after it, nor
	// when its timeout would reach past it: see [ErrNoTime].
	Deadline time.Time
	// Raw is the transport's own form of the message, such as types.Message of the SQS SDK; nil for none.
	Raw any
	// Settler extends and settles this delivery; nil where that does not apply (SNS events, Sync mode).
	Settler Settler
}

// LogValue gives log/slog what is safe to log: neither body, nor attributes, nor receipt handle.
func (d Delivery) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("message_id", clip(d.MessageID)),
		slog.String("queue", d.Queue),
		slog.Int("attempt", d.Attempt),
	)
}

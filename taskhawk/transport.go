package taskhawk

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Settler settles deliveries, as a part of [Queue] or alone, as on Lambda.
//
// Its methods may block within ctx, retry transient failures, and must be safe to call
// concurrently.
type Settler interface {
	// SetVisibility makes the message invisible to others for timeout, counted from now;
	// 0 gives it back at once. It returns an error if timeout reaches past d.LeaseEnds.
	// The error wraps [ErrVisibilityLost] if the message is no longer in flight with
	// this receipt.
	SetVisibility(ctx context.Context, d *Delivery, timeout time.Duration) error
	// DeadLetter stores a copy of the message on the dead-letter queue, with letter
	// beside it. It returns nil only when the copy is stored. The message itself stays in
	// flight: the caller deletes it next, so that a failed delete is told apart from a
	// letter that is not stored.
	//
	// An error that wraps [ErrOutcomeUnknown] means that the letter may be stored. The
	// caller may send it again.
	DeadLetter(ctx context.Context, d *Delivery, letter DeadLetter) error
	// Delete deletes the message from the queue.
	Delete(ctx context.Context, d *Delivery) error
}

// QueueInfo describes a queue.
type QueueInfo struct {
	// Name is the name of the queue, for metadata and logs; no two queues of a worker
	// share it.
	Name string
	// Priority is the priority this queue is for.
	Priority Priority
	// Visibility is how long a received message stays invisible to others; the worker
	// extends it in time. Zero for a transport without visibility timeouts.
	Visibility time.Duration
	// Wait is how long a poll waits for messages, the longest that Receive is asked to;
	// zero for a transport whose polls answer at once.
	Wait time.Duration
	// Ordered reports whether messages of one group must be handled in order (FIFO),
	// each after the one before is settled. While one of a group is in flight, no other
	// Receive may return messages of that group.
	Ordered bool
}

func (i QueueInfo) check() error {
	switch {
	case !i.Priority.Valid():
		return fmt.Errorf("%w: %s", ErrUnknownPriority, i.Priority)
	case i.Visibility < 0:
		return fmt.Errorf("negative Visibility %s", i.Visibility)
	case i.Wait < 0:
		return fmt.Errorf("negative Wait %s", i.Wait)
	}
	return nil
}

// Queue is one queue of a transport, for a [Worker]. The conformance suite in
// taskhawktest checks every sentence below.
type Queue interface {
	Settler
	// Info describes the queue. It does not change, and may be called concurrently.
	Info() QueueInfo
	// Receive waits for messages and returns at least one and at most limit, or none
	// when wait (a long poll) is over. A wait of 0 asks for an answer at once; a
	// transport rounds wait as its service requires. Receive must be safe to call
	// concurrently: the worker has several in flight while a queue has a backlog.
	//
	// A cancelled ctx ends Receive at once. Messages that the service has assigned by
	// then stay in flight until their visibility timeout, so the worker cancels a poll
	// only when the grace period is over. Receive does not retry: on error, the worker
	// pauses and calls again. The worker also pauses after an answer without messages
	// that came before half of wait was over. After an error whose Timeout method
	// returns true, before Wait was over, the worker asks for shorter waits.
	Receive(ctx context.Context, limit int, wait time.Duration) ([]*Delivery, error)
}

// DeadLetter is the reason why a message went to the dead-letter queue.
type DeadLetter struct {
	// Task is the task's name; empty when the message could not be read.
	Task string
	// Reason is the text of the error given to [Permanent], or of the error of the last
	// attempt that [WithMaxAttempts] allows.
	Reason string
	// Attempt is the attempt that failed, from 1.
	Attempt int
}

// Outgoing is a message on its way to a queue. Body is the wire JSON. Delay, Group and
// DeduplicationID say how to send it; the other fields repeat parts of Body.
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
	// Group is the message group: order on a FIFO queue, the tenant of a fair standard
	// queue; empty for none.
	Group string
	// DeduplicationID is for FIFO queues; empty for none.
	DeduplicationID string

	observer *guardedObserver // of the hub that dispatched it; nil for none
}

// Observer returns the observer of the hub that dispatched the message, as [Hub.Observer]
// does; nil if there is none. Publishers call it around the request that sends the
// message. If a request has messages of several hubs, they call one of the observers.
func (o *Outgoing) Observer() Observer { return o.observer.orNil() }

// LogValue returns the fields that are safe to log: neither body nor headers.
func (o Outgoing) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", inLog(o.ID)),
		slog.String("task", o.Task),
		slog.String("priority", o.Priority.String()),
	)
}

// Publisher puts messages on queues. Implement it to send by another transport, or wrap
// one to decorate it.
type Publisher interface {
	// Publish sends one message and returns nil only when the service has stored it. An
	// error means "not stored, or not known to be": a caller that repeats it should use
	// the same ID.
	//
	// It may block for as long as the service takes, within ctx. It retries transient
	// failures; callers do not. It must be safe to call concurrently. It may keep out,
	// which does not change afterwards.
	Publish(ctx context.Context, out *Outgoing) error
}

// BatchPublisher is a Publisher that can send several messages in fewer calls.
// DispatchAll uses it if the publisher implements it, so a decorator should implement it
// too.
type BatchPublisher interface {
	Publisher
	// PublishBatch sends the messages, in as many calls as the service wants, and
	// returns one error per message, nil for those that are stored. The result has the
	// length of outs. In all else it is as Publish.
	PublishBatch(ctx context.Context, outs []*Outgoing) []error
}

// LimitError is the error of a message that a service would refuse; nothing was sent. Its
// text shows no value.
type LimitError struct {
	// Service is the service, such as "SQS".
	Service string
	// Task is the name of the task.
	Task string
	// Field is the part that breaks the limit: "body", "size", "delay", "group" or
	// "deduplication id".
	Field string
	// Reason is the limit and how it is broken.
	Reason string
}

// Error names service, field and reason.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s refuses such a message: %s %s", e.Service, e.Field, e.Reason)
}

// Delivery is one message as a transport received it, for [Hub.Handle]. A transport
// fills it once and does not change it afterwards; handlers see it through
// [DeliveryFrom].
type Delivery struct {
	// Body is the text of the message: the wire JSON, or an SNS notification that wraps
	// it.
	Body string
	// Attributes are the string attributes beside the body. taskhawk_encoding is the
	// encoding of the body. Headers of trace context are taken from Attributes if the
	// body has none. If an SNS notification wraps the message, a handler finds its
	// attributes here. Deliveries may share the map: do not change it.
	Attributes map[string]string
	// MessageID is the transport's own id of the message, stable over redeliveries; not
	// the task's ID.
	MessageID string
	// Queue is the name of the queue it came from.
	Queue string
	// Topic is the ARN of the SNS topic that it came through; empty for none. It may be
	// empty if the body is an SNS notification, which has the topic.
	Topic string
	// Receipt is the receipt handle: what the transport needs to settle this delivery.
	Receipt string
	// Attempt counts deliveries of this message, from 1; 0 is read as 1.
	Attempt int
	// MaxAttempts is how many deliveries the queue allows before the message becomes a
	// dead letter (maxReceiveCount on SQS); 0 for no limit, or if the transport does not
	// know.
	MaxAttempts int
	// Group is the message group (FIFO order, or the tenant on a standard queue); empty
	// for none.
	Group string
	// Sent is when the message was put on the queue, by the service's clock; zero when
	// unknown.
	Sent time.Time
	// Received is when the transport got it; zero is read as now.
	Received time.Time
	// LeaseEnds is when the lease on it ends however often it is extended (on SQS, 12
	// hours after Received); zero for never.
	LeaseEnds time.Time
	// Deadline is when handling has to be over, as at the end of a Lambda invocation;
	// zero for no limit. A task is not started after it, nor when its timeout would reach
	// past it: see [ErrNoTime].
	Deadline time.Time
	// Raw is the transport's own form of the message, nil for none: see the functions that
	// return it from the context of a handler, such as sqsx.MessageFrom.
	Raw any
	// LogAttrs collects the attributes of [AddLogAttrs] while the delivery is handled,
	// for the transport's lines about it. Nil is for a transport that writes none: the
	// line of [Hub.Handle] has them in any case.
	LogAttrs *LogAttrs
	// Settler extends and settles this delivery; nil where that does not apply (SNS
	// events, Sync mode).
	Settler Settler
}

// lastAttempt reports whether the queue moves the message to the dead-letter queue if
// this delivery of it fails. More attempts than MaxAttempts prove that the queue's limit
// was raised since it was read.
func (d *Delivery) lastAttempt() bool { return d.MaxAttempts > 0 && max(d.Attempt, 1) == d.MaxAttempts }

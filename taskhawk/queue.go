package taskhawk

import (
	"context"
	"time"
)

// Settler settles deliveries. It is what Lambda needs of SQS, and the lower half of [Queue].
//
// Both methods may block within ctx, retry what is worth retrying themselves, and must be safe to call concurrently.
type Settler interface {
	// SetVisibility makes the message invisible to others for timeout, counted from now; 0 gives it back at once.
	// It is an error when timeout reaches past d.ClaimEnds, and one that wraps [ErrVisibilityLost] when the message is no
	// longer in flight with this receipt.
	SetVisibility(ctx context.Context, d *Delivery, timeout time.Duration) error
	// DeadLetter puts the message on the dead-letter queue, with letter beside it, and then takes it off its own.
	// When the dead-letter queue refuses it, the message stays where it is and the error says so.
	DeadLetter(ctx context.Context, d *Delivery, letter DeadLetter) error
}

// QueueInfo describes a queue.
type QueueInfo struct {
	// Name is the name of the queue, for metadata and logs; no two queues of a worker share it.
	Name string
	// Priority is the priority this queue is for.
	Priority Priority
	// Visibility is how long a received message stays invisible to others; the worker extends it in time. Zero for a
	// transport without visibility timeouts.
	Visibility time.Duration
	// Ordered tells that messages of one group must be handled in order (FIFO), each after the one before is settled.
	Ordered bool
}

// Queue is one queue as the [Worker] sees it: what a transport implements.
// The conformance suite in taskhawktest checks every sentence below.
type Queue interface {
	Settler
	// Info describes the queue. It does not change, and may be called concurrently.
	Info() QueueInfo
	// Receive waits for messages and returns at least one and at most limit, or none when its wait (a long poll) is
	// over. Only one Receive of a queue runs at a time.
	//
	// A cancelled ctx ends it at once, and messages that the service had assigned by then stay in flight until their
	// visibility timeout: so the worker lets a poll finish and cancels it only when the grace period is over.
	// It does not retry: on error, the worker waits and calls again.
	Receive(ctx context.Context, limit int) ([]*Delivery, error)
	// Delete takes a message off the queue for good. It may block within ctx, retries what is worth retrying itself,
	// and must be safe to call concurrently.
	Delete(ctx context.Context, d *Delivery) error
}

// DeadLetter says why a message went to the dead-letter queue.
type DeadLetter struct {
	// Task is the task's name; empty when the message could not be read.
	Task string
	// Reason is the text of the error given to [Permanent].
	Reason string
	// Attempt is the attempt that failed, from 1.
	Attempt int
}

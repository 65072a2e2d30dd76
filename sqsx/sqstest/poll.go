package sqstest

import (
	"context"
	"time"
)

// receiveMessage takes messages at once or parks until there are some, the wait
// is over, or the client is gone. It holds the lock only while it looks.
func (a *account) receiveMessage(ctx context.Context, _ *call, in *receiveMessageInput) (*receiveMessageOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	started := time.Now()
	for {
		out, parked, err := a.tryReceive(ctx, in, started)
		if err != nil || parked == nil {
			return out, err
		}
		if err := a.park(ctx, parked); err != nil {
			return nil, err
		}
	}
}

// parkedPoll says what wakes a poll that found nothing.
type parkedPoll struct {
	until time.Time // the next instant at which something may become visible, or the wait ends
	wake  <-chan struct{}
}

// tryReceive looks once. It returns messages, an error, or how to wait.
func (a *account) tryReceive(
	ctx context.Context, in *receiveMessageInput, started time.Time,
) (*receiveMessageOutput, *parkedPoll, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	now := time.Now()
	a.settle(now)
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, nil, err
	}
	wait := in.wait(q)
	messages, err := a.receive(q, in, wait > 0, now)
	if err != nil {
		return nil, nil, err
	}
	deadline := started.Add(wait)
	if len(messages) > 0 || !now.Before(deadline) {
		return &receiveMessageOutput{Messages: messages}, nil, nil
	}
	return nil, &parkedPoll{until: a.nextInstant(q, deadline), wake: q.wake}, nil
}

// nextInstant is when a poll on q should look again, at the latest at deadline.
func (a *account) nextInstant(q *queue, deadline time.Time) time.Time {
	if m := q.waiting.first(); m != nil && m.visibleAt.Before(deadline) {
		deadline = m.visibleAt
	}
	for _, task := range a.tasks {
		if due, running := task.due(); running && due.Before(deadline) {
			deadline = due
		}
	}
	return deadline
}

// park waits without the lock. It fails when the client or the server is gone.
func (a *account) park(ctx context.Context, poll *parkedPoll) error {
	a.parked.Add(1)
	defer a.parked.Add(-1)
	timer := time.NewTimer(time.Until(poll.until))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-a.closed:
		return newError("ServiceUnavailable", "The server is closed.")
	case <-poll.wake:
	case <-timer.C:
	}
	return nil
}

package taskhawktest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// memoryLease is the longest time from a receive to the end of the lease, as on SQS.
const memoryLease = 12 * time.Hour

// memoryQueue is one queue. Each call updates its state, so it needs no goroutine.
type memoryQueue struct {
	config   MemoryConfig
	priority taskhawk.Priority

	mu       sync.Mutex
	messages []*memoryMessage
	letters  []Letter
	sent     int
	receipts int
	changed  chan struct{} // closed and replaced whenever a waiting Receive should look again
	removed  func()        // is called when a message has left the queue
}

type memoryMessage struct {
	id       string
	out      *taskhawk.Outgoing
	sent     time.Time
	visible  time.Time // invisible until then
	receipt  string    // of the delivery in flight
	received int
}

func (q *memoryQueue) add(out *taskhawk.Outgoing) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent++
	now := time.Now()
	q.messages = append(q.messages, &memoryMessage{
		id: fmt.Sprintf("%s-%d", q.name(), q.sent), out: out, sent: now, visible: now.Add(out.Delay),
	})
	q.wake()
}

// wake lets waiting receives look again. mu must be held.
func (q *memoryQueue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Info describes the queue.
func (q *memoryQueue) Info() taskhawk.QueueInfo {
	return taskhawk.QueueInfo{
		Name: q.name(), Priority: q.priority, Visibility: q.config.VisibilityTimeout, Wait: q.config.WaitTime,
	}
}

func (q *memoryQueue) name() string { return "memory-" + q.priority.String() }

// Receive waits for visible messages.
func (q *memoryQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	if limit < 1 {
		return nil, fmt.Errorf("limit %d", limit)
	}
	end := time.NewTimer(wait)
	defer end.Stop()
	for {
		deliveries, changed, next := q.take(limit)
		if len(deliveries) > 0 {
			return deliveries, nil
		}
		select {
		case <-changed:
		case <-next:
		case <-end.C:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// take leases the visible messages. If there are none, it returns the channels to wait
// for.
func (q *memoryQueue) take(
	limit int,
) (deliveries []*taskhawk.Delivery, changed <-chan struct{}, next <-chan time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire()
	now := time.Now()
	var soonest time.Time
	for _, message := range q.messages {
		switch {
		case len(deliveries) == limit:
			return deliveries, nil, nil
		case !message.visible.After(now):
			deliveries = append(deliveries, q.lend(message, now))
		case soonest.IsZero() || message.visible.Before(soonest):
			soonest = message.visible
		}
	}
	if !soonest.IsZero() {
		next = time.After(time.Until(soonest))
	}
	return deliveries, q.changed, next
}

// lend hides a message under a new receipt and returns its delivery. mu must be held.
func (q *memoryQueue) lend(message *memoryMessage, now time.Time) *taskhawk.Delivery {
	q.receipts++
	message.received++
	message.receipt = "receipt-" + strconv.Itoa(q.receipts)
	message.visible = now.Add(q.config.VisibilityTimeout)
	return &taskhawk.Delivery{
		Body:        message.out.Body,
		MessageID:   message.id,
		Queue:       q.name(),
		Receipt:     message.receipt,
		Attempt:     message.received,
		MaxAttempts: q.config.MaxReceiveCount,
		Group:       message.out.Group,
		Sent:        message.sent,
		Received:    now,
		LeaseEnds:   now.Add(memoryLease),
		Raw:         message.out,
		Settler:     q,
	}
}

// expire ends the leases whose time is over, and moves messages received too often to
// the dead letters. mu must be held.
func (q *memoryQueue) expire() {
	now := time.Now()
	kept := q.messages[:0]
	for _, message := range q.messages {
		if !message.visible.After(now) {
			message.receipt = ""
			if message.received >= q.config.MaxReceiveCount {
				q.letters = append(q.letters, Letter{
					Body:       message.out.Body,
					DeadLetter: taskhawk.DeadLetter{Task: message.out.Task, Attempt: message.received},
				})
				continue
			}
		}
		kept = append(kept, message)
	}
	if len(kept) < len(q.messages) {
		q.removed()
	}
	clear(q.messages[len(kept):])
	q.messages = kept
}

// find returns the index of the message that is in flight with the receipt of d. mu must
// be held.
func (q *memoryQueue) find(d *taskhawk.Delivery) (int, error) {
	q.expire()
	for i, message := range q.messages {
		if message.receipt != "" && message.receipt == d.Receipt {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s: %w", d.MessageID, taskhawk.ErrVisibilityLost)
}

// Delete removes the message.
func (q *memoryQueue) Delete(ctx context.Context, d *taskhawk.Delivery) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	i, err := q.find(d)
	if err = errors.Join(ctx.Err(), err); err != nil {
		return err
	}
	q.messages = append(q.messages[:i], q.messages[i+1:]...)
	q.removed()
	return nil
}

// DeadLetter adds a copy of the message to the dead letters.
func (q *memoryQueue) DeadLetter(ctx context.Context, d *taskhawk.Delivery, letter taskhawk.DeadLetter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, err := q.find(d); errors.Join(ctx.Err(), err) != nil {
		return errors.Join(ctx.Err(), err)
	}
	q.letters = append(q.letters, Letter{DeadLetter: letter, Body: d.Body})
	return nil
}

// SetVisibility moves the end of the lease.
func (q *memoryQueue) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	i, err := q.find(d)
	if err = errors.Join(ctx.Err(), err); err != nil {
		return err
	}
	end := time.Now().Add(timeout)
	if end.After(d.LeaseEnds) {
		return fmt.Errorf("%s: a lease ends %s after it was received", d.MessageID, memoryLease)
	}
	if end.Before(q.messages[i].visible) {
		q.wake() // a waiting Receive has set its timer for later
	}
	q.messages[i].visible = end
	return nil
}

package sqstest

import "time"

// attempt is what a FIFO queue remembers of a receive made with a
// ReceiveRequestAttemptId: what it returned, so that a client that lost the
// answer can ask again.
type attempt struct {
	at       time.Time
	messages []*message
	receives []int // the receive count of each, which its receipt handle is made of
}

// remember keeps a receive for deduplicationInterval.
func (q *queue) remember(in *receiveMessageInput, batch []*message, now time.Time) {
	if !q.fifo || in.ReceiveRequestAttemptId == nil || len(batch) == 0 {
		return
	}
	for id, old := range q.attempts {
		if now.Sub(old.at) >= deduplicationInterval {
			delete(q.attempts, id)
		}
	}
	kept := attempt{at: now, messages: batch}
	for _, m := range batch {
		kept.receives = append(kept.receives, m.receives)
	}
	q.attempts[*in.ReceiveRequestAttemptId] = kept
}

// attempted lifts the messages of an earlier receive with the same attempt id,
// or returns nil: after five minutes, or once a message of it was deleted, came
// back or was received again, the id counts as new.
func (q *queue) attempted(in *receiveMessageInput, now time.Time) []*message {
	if !q.fifo || in.ReceiveRequestAttemptId == nil {
		return nil
	}
	old, ok := q.attempts[*in.ReceiveRequestAttemptId]
	if !ok || now.Sub(old.at) >= deduplicationInterval {
		return nil
	}
	for i, m := range old.messages {
		if q.messages[m.id] != m || m.state != inFlight || m.receives != old.receives[i] {
			return nil
		}
	}
	for _, m := range old.messages {
		q.lift(m)
	}
	return old.messages
}

package sqstest

import "time"

type deletion struct {
	ReceiptHandle string `sqs:"required"`
}

type deleteMessageInput struct {
	queueTarget
	deletion
}

// empty is the answer of an operation that has nothing to say.
type empty struct{}

func (a *account) deleteMessage(c *call, in *deleteMessageInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return &empty{}, a.remove(q, in.ReceiptHandle, c.now)
}

// remove deletes the message of a receipt handle. On a standard queue a handle
// that is no longer the latest deletes nothing and succeeds, and the latest one
// deletes also after the visibility timeout; on a FIFO queue a handle is good
// only while the message is in flight under it.
func (a *account) remove(q *queue, handle string, now time.Time) error {
	m, stale, err := a.find(q, handle)
	if err != nil || m == nil {
		return err
	}
	if q.fifo && (stale || m.state != inFlight) {
		return errInvalidParameter("Value for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.")
	}
	if stale {
		a.record(DeleteIgnored, q, m, now)
		return nil
	}
	q.take(m)
	a.record(Deleted, q, m, now)
	return nil
}

type purgeQueueInput struct {
	queueTarget
}

// purgeInterval is how long a queue refuses a second purge.
const purgeInterval = time.Minute

func (a *account) purgeQueue(c *call, in *purgeQueueInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if !q.purgedAt.IsZero() && c.now.Sub(q.purgedAt) < purgeInterval {
		return nil, newError("PurgeQueueInProgress",
			"Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.name)
	}
	q.purgedAt = c.now
	for m := q.aging.first(); m != nil; m = q.aging.first() {
		q.take(m)
		a.record(Purged, q, m, c.now)
	}
	return &empty{}, nil
}

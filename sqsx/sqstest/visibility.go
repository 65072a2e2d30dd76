package sqstest

import "time"

// maxVisibilitySeconds is the longest visibility timeout, and the longest a
// message can stay in flight after one receive: 12 hours.
const maxVisibilitySeconds = 43_200

type visibilityChange struct {
	ReceiptHandle     string `sqs:"required"`
	VisibilityTimeout *int   `sqs:"required"`
}

type changeMessageVisibilityInput struct {
	queueTarget
	visibilityChange
}

func (a *account) changeMessageVisibility(c *call, in *changeMessageVisibilityInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return &empty{}, a.change(q, &in.visibilityChange, c.now)
}

// change sets the visibility timeout of a message in flight, counted from now. A handle
// that is not the latest, or whose timeout has passed, gets MessageNotInflight.
func (a *account) change(q *queue, in *visibilityChange, now time.Time) error {
	seconds := *in.VisibilityTimeout
	if seconds < 0 || seconds > maxVisibilitySeconds {
		return errParameterRange(
			"VisibilityTimeout",
			seconds,
			"VisibilityTimeout must be an integer between 0 and 43200.",
		)
	}
	m, stale, err := a.find(q, in.ReceiptHandle)
	switch {
	case err != nil:
		return err
	case m == nil:
		return errInvalidParameter("Value for parameter ReceiptHandle is invalid. " +
			"Reason: Message does not exist or is not available for visibility timeout change.")
	case stale || m.state != inFlight:
		return newError("MessageNotInflight", "The specified message isn't in flight.")
	}
	until := now.Add(time.Duration(seconds) * time.Second)
	if until.After(m.receivedAt.Add(maxVisibilitySeconds * time.Second)) {
		return errParameterRange("VisibilityTimeout", seconds,
			"Total VisibilityTimeout for the message is beyond the limit [43200 seconds].")
	}
	a.record(VisibilityChanged, q, m, now)
	q.lift(m)
	q.hide(m, inFlight, until)
	a.settleQueue(q, now)
	q.signal()
	return nil
}

type deletion struct {
	ReceiptHandle string `sqs:"required"`
}

type deleteMessageInput struct {
	queueTarget
	deletion
}

// empty is the answer of an operation without output.
type empty struct{}

func (a *account) deleteMessage(c *call, in *deleteMessageInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return &empty{}, a.remove(q, in.ReceiptHandle, c.now)
}

// remove deletes the message of a receipt handle. On a standard queue a stale handle
// deletes nothing and succeeds, and the latest handle deletes even after the visibility
// timeout. On a FIFO queue a handle is valid only while its receive keeps the message in
// flight.
func (a *account) remove(q *queue, handle string, now time.Time) error {
	m, stale, err := a.find(q, handle)
	if err != nil || m == nil {
		return err
	}
	if q.fifo && (stale || m.state != inFlight) {
		return errInvalidParameter(
			"Value for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
		)
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

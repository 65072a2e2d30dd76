package sqstest

import (
	"context"
	"strings"
)

// notify hands a message to a subscription. What cannot be delivered goes to the
// subscription's dead-letter queue, else it is discarded: the service would try
// again only after errors of its own.
func (a *account) notify(ctx context.Context, s *subscription, p *publication) {
	if s.protocol == toFunction {
		a.invoke(ctx, s, p)
		return
	}
	if err := a.enqueue(s.endpoint, s.outgoing(p), p); err != nil {
		a.giveUp(s, p, asAPIError(err).message)
	}
}

// outgoing is the message as the queue of a subscription gets it.
func (s *subscription) outgoing(p *publication) *outgoing {
	if s.isRaw() {
		return &outgoing{MessageBody: p.text(s.protocol), MessageAttributes: p.attributes}
	}
	return &outgoing{MessageBody: p.notificationFor(s)}
}

// enqueue sends a message to a queue as a topic does: a standard queue gets the
// group, a FIFO queue the deduplication id as well.
func (a *account) enqueue(queueARN string, out *outgoing, p *publication) error {
	q := a.queueByARN(queueARN)
	if q == nil {
		return errQueueDoesNotExist()
	}
	if p.group != "" {
		out.MessageGroupId = &p.group
	}
	if q.fifo {
		out.MessageDeduplicationId = &p.deduplicationID
	}
	m, err := out.message(q, p.at)
	if err != nil {
		return err
	}
	if a.keyOf != nil {
		m.key = p.key
	}
	a.accept(q, m, out.visibleAt(q, p.at), p.at)
	return nil
}

// giveUp moves a message to the subscription's dead-letter queue, as the endpoint
// would have got it, or discards it.
func (a *account) giveUp(s *subscription, p *publication, reason string) {
	if s.dead != "" && a.enqueue(s.dead, s.outgoing(p), p) == nil {
		return
	}
	a.recordTopic(Discarded, p, s, reason)
}

// recordTopic adds an event about a message of a topic, and of one of its
// subscriptions.
func (a *account) recordTopic(kind Kind, p *publication, s *subscription, reason string) {
	e := Event{Time: p.at, Kind: kind, Topic: p.topic.name, MessageID: p.id, Key: p.key, Reason: reason}
	if s != nil && s.protocol == toQueue {
		e.Queue = s.endpoint[strings.LastIndexByte(s.endpoint, ':')+1:]
	}
	a.journal.add(e)
}

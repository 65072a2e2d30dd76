package sqstest

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Queue is what a queue holds at one instant.
type Queue struct {
	Exists       bool      // false when there is no queue of that name; all else is zero then
	Name         string    // as it was asked for
	URL          string    // what CreateQueue and GetQueueUrl return
	ARN          string    // what redrive policies and move tasks name
	Visible      int       // messages that can be received
	InFlight     int       // messages received, neither deleted nor visible again
	Delayed      int       // messages whose delay has not passed
	PeakInFlight int       // the most messages ever in flight at once
	Messages     []Message // in the order in which they were accepted
}

// Message is one stored message.
type Message struct {
	ID             string            // the MessageId
	Body           string            // as it was sent
	Attributes     map[string]string // message attributes: text, or bytes as a string
	GroupID        string            // the MessageGroupId, "" for none
	Receives       int               // over all queues
	SentAt         time.Time         // kept when moved to a dead-letter queue
	VisibleAt      time.Time         // when in flight or delayed: the end of that; else zero
	InFlight       bool              // received, neither deleted nor visible again
	Delayed        bool              // its delay has not passed
	SourceQueueARN string            // for a dead letter: the queue it came from
}

// Queue looks into a queue, by name. The messages come in the order in which
// they were accepted.
func (s *Server) Queue(name string) Queue {
	a := s.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle(time.Now())
	q := a.queues[name]
	if q == nil {
		return Queue{Name: name}
	}
	return q.snapshot()
}

func (q *queue) snapshot() Queue {
	out := Queue{
		Exists: true, Name: q.name, URL: q.url, ARN: q.arn,
		Visible: q.counts[visible], InFlight: q.counts[inFlight], Delayed: q.counts[delayed], PeakInFlight: q.peakInFlight,
	}
	ordered := slices.SortedFunc(maps.Values(q.messages), func(a, b *message) int { return cmp.Compare(a.sequence, b.sequence) })
	for _, m := range ordered {
		out.Messages = append(out.Messages, m.snapshot())
	}
	return out
}

func (m *message) snapshot() Message {
	out := Message{
		ID: m.id, Body: m.body, Attributes: map[string]string{}, GroupID: m.groupID, Receives: m.receives,
		SentAt: m.sentAt, InFlight: m.state == inFlight, Delayed: m.state == delayed, SourceQueueARN: m.sourceARN,
	}
	if m.state != visible {
		out.VisibleAt = m.visibleAt
	}
	for name, value := range m.attributes {
		out.Attributes[name] = string(value.bytes())
	}
	return out
}

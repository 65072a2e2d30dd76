package sqstest

import "time"

// defaultMaxInFlight is how many messages of one queue may be in flight, standard
// or FIFO ("Amazon SQS message quotas").
const defaultMaxInFlight = 120_000

// LimitInFlight sets how many messages of one queue may be in flight: 120,000 if
// it is never called, which is the limit of the service. At the limit a short
// poll of a standard queue fails with OverLimit; a long poll, and any poll of a
// FIFO queue, finds nothing.
func (s *Server) LimitInFlight(messages int) {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	s.account.maxInFlight = messages
}

type receiveMessageOutput struct {
	Messages []receivedMessage `json:",omitempty"`
}

type receivedMessage struct {
	MessageId              string
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string         `json:",omitempty"`
	MessageAttributes      map[string]attributeValue `json:",omitempty"`
	MD5OfMessageAttributes string                    `json:",omitempty"`
}

// receive puts up to the wanted number of visible messages in flight. A message
// that was received as often as the redrive policy allows is moved to the
// dead-letter queue instead.
func (a *account) receive(q *queue, in *receiveMessageInput, long bool, now time.Time) ([]receivedMessage, error) {
	if again := q.attempted(in, now); again != nil {
		return a.deliver(q, in, again, now), nil
	}
	if q.counts[inFlight] >= a.maxInFlight {
		if q.fifo || long {
			return nil, nil
		}
		return nil, newError("OverLimit", "The maximum number of in flight messages is reached.")
	}
	batch := a.pick(q, min(in.max(), a.maxInFlight-q.counts[inFlight]), now)
	for _, m := range batch {
		m.receives++
		m.localReceives++
	}
	q.remember(in, batch, now)
	return a.deliver(q, in, batch, now), nil
}

// pick lifts up to n visible messages off the queue, and moves dead letters.
func (a *account) pick(q *queue, n int, now time.Time) []*message {
	var batch []*message
	for len(batch) < n {
		m := q.next()
		if m == nil {
			break
		}
		if target := a.deadLetterQueue(q, m); target != nil {
			a.deadLetter(q, target, m, now)
			continue
		}
		q.lift(m)
		batch = append(batch, m)
	}
	return batch
}

// deliver puts lifted messages in flight and writes them down for the client.
func (a *account) deliver(q *queue, in *receiveMessageInput, batch []*message, now time.Time) []receivedMessage {
	var out []receivedMessage
	for _, m := range batch {
		if m.firstReceivedAt.IsZero() {
			m.firstReceivedAt = now
		}
		m.receivedAt = now
		q.hide(m, inFlight, now.Add(in.visibility(q)))
		a.record(Received, q, m, now)
		out = append(out, a.describe(q, m, in))
	}
	return out
}

func (a *account) describe(q *queue, m *message, in *receiveMessageInput) receivedMessage {
	attributes := in.messageAttributes(m.attributes)
	return receivedMessage{
		MessageId:              m.id,
		ReceiptHandle:          receipt{q.id, m.id, m.receives}.handle(a.receiptKey),
		MD5OfBody:              m.bodyMD5,
		Body:                   m.body,
		Attributes:             in.systemAttributes(m.systemAttributes(q.fifo)),
		MessageAttributes:      attributes,
		MD5OfMessageAttributes: md5OfAttributes(attributes),
	}
}

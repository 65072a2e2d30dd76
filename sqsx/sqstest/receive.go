package sqstest

import (
	"context"
	"slices"
	"strings"
	"time"
)

const (
	maxWaitSeconds     = 20
	maxReceiveMessages = 10
)

type receiveMessageInput struct {
	queueTarget
	AttributeNames              []string
	MaxNumberOfMessages         *int
	MessageAttributeNames       []string
	MessageSystemAttributeNames []string
	ReceiveRequestAttemptId     *string
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
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

// receiveMessage takes messages at once or parks until there are some, the wait
// is over, or the client is gone. It holds the lock only while it looks.
func (a *account) receiveMessage(ctx context.Context, c *call, in *receiveMessageInput) (*receiveMessageOutput, error) {
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

func (in *receiveMessageInput) check() error {
	if n := in.max(); n < 1 || n > maxReceiveMessages {
		return errParameterRange("MaxNumberOfMessages", n, "Must be between 1 and 10, if provided.")
	}
	if n := in.WaitTimeSeconds; n != nil && (*n < 0 || *n > maxWaitSeconds) {
		return errParameterRange("WaitTimeSeconds", *n, "Must be >= 0 and <= 20, if provided.")
	}
	if n := in.VisibilityTimeout; n != nil && (*n < 0 || *n > maxVisibilitySeconds) {
		return errParameterRange("VisibilityTimeout", *n, "Must be >= 0 and <= 43200, if provided.")
	}
	if err := checkToken("ReceiveRequestAttemptId", in.ReceiveRequestAttemptId); err != nil {
		return err
	}
	for _, name := range slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames) {
		if !isSystemAttributeName(name) {
			return errAttributeName(name)
		}
	}
	return in.checkMessageAttributeNames()
}

func (in *receiveMessageInput) checkMessageAttributeNames() error {
	for _, name := range in.MessageAttributeNames {
		if name == "All" || name == ".*" {
			continue
		}
		if err := checkAttributeName(strings.TrimSuffix(name, ".*")); err != nil {
			return err
		}
	}
	return nil
}

func isSystemAttributeName(name string) bool {
	switch name {
	case "All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
		"SequenceNumber", "MessageDeduplicationId", "MessageGroupId", "AWSTraceHeader",
		"DeadLetterQueueSourceArn", "SqsManagedSseEnabled":
		return true
	}
	return false
}

func (in *receiveMessageInput) max() int {
	if in.MaxNumberOfMessages == nil {
		return 1
	}
	return *in.MaxNumberOfMessages
}

// wait is how long the poll waits: what it says, else what its queue says.
func (in *receiveMessageInput) wait(q *queue) time.Duration {
	if in.WaitTimeSeconds == nil {
		return q.settings.seconds("ReceiveMessageWaitTimeSeconds")
	}
	return time.Duration(*in.WaitTimeSeconds) * time.Second
}

func (in *receiveMessageInput) visibility(q *queue) time.Duration {
	if in.VisibilityTimeout == nil {
		return q.settings.seconds("VisibilityTimeout")
	}
	return time.Duration(*in.VisibilityTimeout) * time.Second
}

// systemAttributes keeps those that were asked for, by either member.
func (in *receiveMessageInput) systemAttributes(all map[string]string) map[string]string {
	names := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	if slices.Contains(names, "All") {
		return all
	}
	kept := map[string]string{}
	for _, name := range names {
		if value, ok := all[name]; ok {
			kept[name] = value
		}
	}
	return kept
}

// messageAttributes keeps those that were asked for by name or by prefix.
func (in *receiveMessageInput) messageAttributes(all map[string]attributeValue) map[string]attributeValue {
	kept := map[string]attributeValue{}
	for name, value := range all {
		if slices.ContainsFunc(in.MessageAttributeNames, func(pattern string) bool { return matchesName(pattern, name) }) {
			kept[name] = value
		}
	}
	return kept
}

func matchesName(pattern, name string) bool {
	if pattern == "All" || pattern == name {
		return true
	}
	prefix, ok := strings.CutSuffix(pattern, ".*")
	return ok && strings.HasPrefix(name, prefix)
}

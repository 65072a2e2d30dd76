package sqstest

import (
	"container/heap"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
)

// defaultMaxInFlight is how many messages of one queue may be in flight, standard
// or FIFO ("Amazon SQS message quotas").
const defaultMaxInFlight = 120_000

// LimitInFlight sets how many messages of one queue may be in flight: 120,000 by default,
// the limit of the service. At the limit a short poll of a standard queue fails with
// OverLimit; a long poll, and any poll of a FIFO queue, finds nothing.
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

// receive puts up to the requested number of visible messages in flight. A message that
// has used up its receives moves to the dead-letter queue instead.
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

// pick removes up to n visible messages from the ready timeline, and moves dead letters.
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

// deliver puts picked messages in flight and converts them for the client.
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

// wait returns how long the poll waits, by default as long as its queue says.
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

// systemAttributes returns the requested attributes, by either member of the input.
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

// messageAttributes returns the attributes requested by name or by prefix.
func (in *receiveMessageInput) messageAttributes(all map[string]attributeValue) map[string]attributeValue {
	kept := map[string]attributeValue{}
	for name, value := range all {
		if slices.ContainsFunc(
			in.MessageAttributeNames,
			func(pattern string) bool { return matchesName(pattern, name) },
		) {
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

// receiveMessage takes messages at once or parks until there are some, the wait ends, or
// the client is gone. It does not hold the lock while parked.
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

// parkedPoll is what wakes a poll that found nothing.
type parkedPoll struct {
	until time.Time // the next instant at which something may become visible, or the wait ends
	wake  <-chan struct{}
}

// tryReceive tries once. It returns messages, an error, or what to wait for.
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

// nextInstant returns when a poll on q should try again, at most deadline.
func (a *account) nextInstant(q *queue, deadline time.Time) time.Time {
	if m := q.waiting.first(); m != nil && m.visibleAt.Before(deadline) {
		deadline = m.visibleAt
	}
	deadline = a.nextFiring(deadline)
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

// attempt is the remembered result of a receive with a ReceiveRequestAttemptId, so that a
// client that lost the answer can ask again.
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

// attempted picks the messages of an earlier receive with the same attempt id. It returns
// nil if the id is new. It counts as new after five minutes, and once one of its messages
// was deleted, became visible or was received again.
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

// receipt is the content of a receipt handle: queue, message and receive. The key of the
// server authenticates the handle, which distinguishes a forged one from a stale one.
type receipt struct {
	queueID   string
	messageID string
	receive   int // the message's receive count when the handle was made
}

func (r receipt) handle(key []byte) string {
	text := r.queueID + " " + r.messageID + " " + strconv.Itoa(r.receive)
	return base64.StdEncoding.EncodeToString(append(seal(key, text), text...))
}

const sealBytes = 12

func seal(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)[:sealBytes]
}

// openReceipt reads a handle. It reports false for one that this server did not make.
func openReceipt(key []byte, handle string) (receipt, bool) {
	raw, err := base64.StdEncoding.DecodeString(handle)
	if err != nil || len(raw) < sealBytes {
		return receipt{}, false
	}
	text := string(raw[sealBytes:])
	if !hmac.Equal(raw[:sealBytes], seal(key, text)) {
		return receipt{}, false
	}
	fields := strings.Split(text, " ")
	if len(fields) != 3 {
		return receipt{}, false
	}
	receive, err := strconv.Atoi(fields[2])
	return receipt{queueID: fields[0], messageID: fields[1], receive: receive}, err == nil
}

func errReceiptHandle() *apiError {
	return newError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
}

// find opens a receipt handle given for queue q. The message is nil if it is no longer in
// the queue; stale reports that it was received again since.
func (a *account) find(q *queue, handle string) (m *message, stale bool, err error) {
	r, ok := openReceipt(a.receiptKey, handle)
	if !ok || r.queueID != q.id {
		return nil, false, errReceiptHandle()
	}
	m = q.messages[r.messageID]
	return m, m != nil && m.receives != r.receive, nil
}

// messageGroup holds the messages of one message group. Messages without a group share
// one.
// On a FIFO queue it is closed while a message of the group is in flight.
type messageGroup struct {
	id       string
	ready    timeline
	inFlight int // messages in flight
	members  int // messages, visible or not
}

func newMessageGroup(id string) *messageGroup {
	return &messageGroup{id: id, ready: timeline{kind: ready}}
}

// head returns the next message of the group, or nil if it is empty or closed.
func (l *messageGroup) head(fifo bool) *message {
	if fifo && l.inFlight > 0 {
		return nil
	}
	return l.ready.first()
}

// The timelines of a queue. A message is on the ready or on the waiting one, and always
// on the aging one; message.places has its index on each.
const (
	ready   = iota // visible messages of a group, in order of acceptance
	waiting        // delayed and in-flight messages, by the instant they become visible
	aging          // all messages, by the instant their retention began
	timelines
)

// timeline is a priority queue of messages with removal of any message.
type timeline struct {
	kind     int // ready, waiting or aging
	messages []*message
}

func (t *timeline) add(m *message)    { heap.Push(t, m) }
func (t *timeline) remove(m *message) { heap.Remove(t, m.places[t.kind]) }

// first returns the next message, or nil.
func (t *timeline) first() *message {
	if len(t.messages) == 0 {
		return nil
	}
	return t.messages[0]
}

// Len, Less, Swap, Push and Pop serve container/heap.

func (t *timeline) Len() int { return len(t.messages) }

func (t *timeline) Less(i, j int) bool {
	a, b := t.messages[i], t.messages[j]
	switch {
	case t.kind == waiting && !a.visibleAt.Equal(b.visibleAt):
		return a.visibleAt.Before(b.visibleAt)
	case t.kind == aging && !a.retainedSince.Equal(b.retainedSince):
		return a.retainedSince.Before(b.retainedSince)
	}
	return a.sequence < b.sequence
}

func (t *timeline) Swap(i, j int) {
	t.messages[i], t.messages[j] = t.messages[j], t.messages[i]
	t.messages[i].places[t.kind] = i
	t.messages[j].places[t.kind] = j
}

func (t *timeline) Push(x any) {
	m, _ := x.(*message) // nothing else is ever pushed
	m.places[t.kind] = len(t.messages)
	t.messages = append(t.messages, m)
}

func (t *timeline) Pop() any {
	last := len(t.messages) - 1
	m := t.messages[last]
	t.messages[last] = nil
	t.messages = t.messages[:last]
	return m
}

// notify hands a message to a subscription. What cannot be delivered goes to the
// subscription's dead-letter queue, else it is discarded: the service would try
// again only after its own errors.
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

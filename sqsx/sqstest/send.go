package sqstest

import (
	"strings"
	"time"
)

const maxDelaySeconds = 900

// outgoing is a message as SendMessage and an entry of SendMessageBatch carry it.
type outgoing struct {
	MessageBody             string `sqs:"required"`
	DelaySeconds            *int
	MessageAttributes       map[string]attributeValue
	MessageSystemAttributes map[string]attributeValue
	MessageDeduplicationId  *string
	MessageGroupId          *string
}

type sendMessageInput struct {
	queueTarget
	outgoing
}

type sendMessageOutput struct {
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
	MessageId                    string
	SequenceNumber               string `json:",omitempty"`
}

func (a *account) sendMessage(c *call, in *sendMessageInput) (*sendMessageOutput, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return a.send(q, &in.outgoing, c.now)
}

// send checks a message and stores it, or finds that it was sent before.
func (a *account) send(q *queue, out *outgoing, now time.Time) (*sendMessageOutput, error) {
	m, err := out.message(q, now)
	if err != nil {
		return nil, err
	}
	output := &sendMessageOutput{
		MD5OfMessageBody: m.bodyMD5, MD5OfMessageAttributes: md5OfAttributes(m.attributes),
		MD5OfMessageSystemAttributes: md5OfAttributes(out.MessageSystemAttributes),
	}
	stored := a.accept(q, m, out.visibleAt(q, now), now)
	output.MessageId = stored.id
	if q.fifo {
		output.SequenceNumber = stored.sequenceNumber()
	}
	return output, nil
}

// accept stores a checked message and returns it, or the one it duplicates.
func (a *account) accept(q *queue, m *message, visibleAt, now time.Time) *message {
	if q.fifo {
		if first := q.deduplication.find(q.deduplicationKey(m), now); first != nil {
			a.record(Deduplicated, q, first, now)
			return first
		}
		q.deduplication.remember(q.deduplicationKey(m), m, now)
	}
	a.sequence++
	m.sequence = a.sequence
	if m.key == "" {
		m.key = a.key(m.id, m.body)
	}
	a.record(Accepted, q, m, now)
	q.put(m, visibleAt, now)
	return m
}

// key is what the ledger calls a message.
func (a *account) key(id, body string) string {
	if a.keyOf == nil {
		return id
	}
	return a.keyOf(body)
}

// message checks the message against the rules of SendMessage and those of the
// queue.
func (o *outgoing) message(q *queue, now time.Time) (*message, error) {
	trace, err := checkSystemAttributes(o.MessageSystemAttributes)
	if err != nil {
		return nil, err
	}
	m := &message{
		id: newID(), body: o.MessageBody, bodyMD5: md5Of(o.MessageBody), size: o.size(), attributes: o.MessageAttributes,
		traceHeader: trace, sentAt: now, retainedSince: now,
	}
	for _, err := range []error{
		checkBody(o.MessageBody), checkAttributes(o.MessageAttributes), checkSize(m.size, q), o.checkDelay(q), o.identify(m, q),
	} {
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

// size is the size of the message in bytes: its body and its attributes. The
// system attribute does not count.
func (o *outgoing) size() int {
	size := len(o.MessageBody)
	for name, value := range o.MessageAttributes {
		size += value.size(name)
	}
	return size
}

func checkSize(size int, q *queue) error {
	if limit := q.settings.number("MaximumMessageSize"); size > limit {
		return errInvalidParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", limit)
	}
	return nil
}

func (o *outgoing) checkDelay(q *queue) error {
	switch {
	case o.DelaySeconds == nil:
		return nil
	case *o.DelaySeconds < 0 || *o.DelaySeconds > maxDelaySeconds:
		return errParameterRange("DelaySeconds", *o.DelaySeconds, "DelaySeconds must be >= 0 and <= 900.")
	case q.fifo && *o.DelaySeconds > 0:
		return errParameterRange("DelaySeconds", *o.DelaySeconds,
			"The request include parameter that is not valid for this queue type.")
	}
	return nil
}

func (o *outgoing) visibleAt(q *queue, now time.Time) time.Time {
	if o.DelaySeconds != nil && !q.fifo {
		return now.Add(time.Duration(*o.DelaySeconds) * time.Second)
	}
	return now.Add(q.settings.seconds("DelaySeconds"))
}

// identify sets the message's group and deduplication id, as the queue's type
// demands.
func (o *outgoing) identify(m *message, q *queue) error {
	if err := checkToken("MessageGroupId", o.MessageGroupId); err != nil {
		return err
	}
	if err := checkToken("MessageDeduplicationId", o.MessageDeduplicationId); err != nil {
		return err
	}
	if o.MessageGroupId != nil {
		m.groupID = *o.MessageGroupId
	}
	if o.MessageDeduplicationId != nil {
		m.deduplicationID = *o.MessageDeduplicationId
	}
	return o.checkIdentity(m, q)
}

func (o *outgoing) checkIdentity(m *message, q *queue) error {
	switch {
	case !q.fifo && o.MessageDeduplicationId != nil:
		return errInvalidParameter("Value for parameter MessageDeduplicationId is invalid. " +
			"Reason: The request includes a parameter that is not valid for this queue type.")
	case !q.fifo:
		return nil
	case m.groupID == "":
		return errMissingParameter("MessageGroupId")
	case m.deduplicationID != "":
		return nil
	case q.settings["ContentBasedDeduplication"] != "true":
		return errInvalidParameter("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	}
	m.deduplicationID = contentID(m.body)
	return nil
}

// checkToken checks a group or deduplication id: 1 to 128 letters, digits and
// ASCII punctuation.
func checkToken(name string, token *string) error {
	if token == nil {
		return nil
	}
	printable := func(r rune) bool { return r > ' ' && r < 0x7f }
	if *token == "" || len(*token) > 128 || strings.ContainsFunc(*token, func(r rune) bool { return !printable(r) }) {
		return errInvalidParameter("Value for parameter %s is invalid. "+
			"Reason: %s can only include alphanumeric and punctuation characters. 1 to 128 in length.", name, name)
	}
	return nil
}

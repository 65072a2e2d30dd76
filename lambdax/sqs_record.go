package lambdax

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// claim is how long a message can be kept from others after its event arrived: the 12 hours of SQS, less what it may have waited in a batching
// window, 5 minutes at most, and on the way.
const claim = 12*time.Hour - 10*time.Minute

// sqsRecords are the messages of an event, each once: the receipt handle that counts is the last.
func sqsRecords(messages []events.SQSMessage, settler taskhawk.Settler, now, deadline time.Time) []record {
	batch, seen := make([]record, 0, len(messages)), newPlaces(len(messages))
	for i := range messages {
		m := &messages[i]
		place := seen.of(batch, m.MessageId)
		if place == len(batch) {
			batch = append(batch, record{})
		}
		r := &batch[place]
		r.ordered = strings.HasSuffix(m.EventSourceARN, ".fifo")
		deliver(&r.delivery, m)
		r.delivery.Settler, r.delivery.Deadline = settler, deadline
		r.delivery.Received, r.delivery.ClaimEnds = now, now.Add(claim)
	}
	return batch
}

// deliver fills in what a message says.
func deliver(d *taskhawk.Delivery, m *events.SQSMessage) {
	d.Body, d.Attributes, d.MessageID, d.Receipt, d.Raw = m.Body, sqsAttributes(m.MessageAttributes), m.MessageId, m.ReceiptHandle, m
	d.Queue = m.EventSourceARN[strings.LastIndexByte(m.EventSourceARN, ':')+1:]
	d.Attempt = max(int(number(m.Attributes["ApproximateReceiveCount"])), 1)
	d.Group, d.Sent = m.Attributes["MessageGroupId"], sentAt(m.Attributes["SentTimestamp"])
}

// sqsAttributes leaves out what has no text: anybody may send a binary attribute.
func sqsAttributes(attributes map[string]events.SQSMessageAttribute) map[string]string {
	texts := make(map[string]string, len(attributes))
	for name, attribute := range attributes {
		if attribute.StringValue != nil {
			texts[name] = *attribute.StringValue
		}
	}
	return texts
}

// number is 0 for what is none.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // SQS writes nothing but numbers
	return n
}

// sentAt is when SQS stored the message, from ms since 1970; zero if it does not say.
func sentAt(ms string) time.Time {
	if ms == "" {
		return time.Time{}
	}
	return time.UnixMilli(number(ms))
}

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
	batch := make([]record, 0, len(messages))
	places := make(map[string]int, len(messages))
	for i := range messages {
		m := &messages[i]
		r := record{delivery: sqsDelivery(m), ordered: strings.HasSuffix(m.EventSourceARN, ".fifo")}
		r.delivery.Settler, r.delivery.Received, r.delivery.ClaimEnds, r.delivery.Deadline = settler, now, now.Add(claim), deadline
		if place, twice := places[m.MessageId]; twice && m.MessageId != "" {
			batch[place] = r
			continue
		}
		places[m.MessageId] = len(batch)
		batch = append(batch, r)
	}
	return batch
}

func sqsDelivery(m *events.SQSMessage) taskhawk.Delivery {
	return taskhawk.Delivery{
		Body: m.Body, Attributes: sqsAttributes(m.MessageAttributes), MessageID: m.MessageId,
		Queue:   m.EventSourceARN[strings.LastIndexByte(m.EventSourceARN, ':')+1:],
		Receipt: m.ReceiptHandle, Attempt: max(int(number(m.Attributes["ApproximateReceiveCount"])), 1),
		Group: m.Attributes["MessageGroupId"], Sent: sentAt(m.Attributes["SentTimestamp"]), Raw: m,
	}
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

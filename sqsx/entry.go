package sqsx

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attribute"
	"github.com/taskhawk/taskhawk-go/internal/limit"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// entry is a message ready to send.
type entry struct {
	body          string
	attributes    map[string]types.MessageAttributeValue
	size          int // body and attributes, in bytes
	delay         int32
	group         string
	deduplication string
}

// newEntry checks everything that can be checked without the network.
func newEntry(out *taskhawk.Outgoing, fifo bool) (entry, error) {
	mirror := attribute.Mirror(out.Task, out.Headers)
	e := entry{
		body: out.Body, attributes: make(map[string]types.MessageAttributeValue, len(mirror)), size: len(out.Body),
		group: out.Group,
	}
	for _, a := range mirror {
		e.attributes[a.Name] = stringAttribute(a.Value)
		e.size += a.Size()
	}
	message := limit.Message{
		Body: out.Body, Group: out.Group, DeduplicationID: out.DeduplicationID, Size: e.size, MaxSize: MaxMessageSize,
		FIFO: fifo, Service: "SQS", Target: "queue",
	}
	if field, reason := message.Check(); field != "" {
		return entry{}, &LimitError{Task: out.Task, Field: field, Reason: reason}
	}
	if reason := refuseDelay(out.Delay, fifo); reason != "" {
		return entry{}, &LimitError{Task: out.Task, Field: "delay", Reason: reason}
	}
	e.deduplication = message.Deduplication(out.ID)
	e.delay = seconds(out.Delay)
	return e, nil
}

// refuseDelay says why SQS would refuse the delay, "" if it does not.
func refuseDelay(delay time.Duration, fifo bool) string {
	switch {
	case delay > MaxDelay:
		return fmt.Sprintf("is %s, the limit is %s", delay, MaxDelay)
	case fifo && delay > 0:
		return "is not possible per message on a FIFO queue"
	}
	return ""
}

// request is the entry in a batch.
func (e *entry) request(id *string) types.SendMessageBatchRequestEntry {
	return types.SendMessageBatchRequestEntry{
		Id: id, MessageBody: aws.String(e.body), MessageAttributes: e.attributes, DelaySeconds: e.delay,
		MessageGroupId: optional(e.group), MessageDeduplicationId: optional(e.deduplication),
	}
}

func stringAttribute(value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
}

// optional is nil for an empty text: SQS refuses empty ids.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

package sqsx

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attribute"
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

// newEntry checks everything that can be checked without the network. The SDK checks none of it, and a body of invalid
// UTF-8 would even be stored, changed, and then reported as an error.
func newEntry(out *taskhawk.Outgoing, fifo bool) (entry, error) {
	mirror := attribute.Mirror(out.Task, out.Headers)
	e := entry{
		body: out.Body, attributes: make(map[string]types.MessageAttributeValue, len(mirror)), size: len(out.Body),
		group: out.Group, deduplication: out.DeduplicationID,
	}
	for _, a := range mirror {
		e.attributes[a.Name] = stringAttribute(a.Value)
		e.size += a.Size()
	}
	if err := e.check(out, fifo); err != nil {
		return entry{}, err
	}
	if fifo && e.deduplication == "" && validID(out.ID) {
		e.deduplication = out.ID // so that a repeat with the same id, ours or the caller's, is stored once
	}
	e.delay = seconds(out.Delay)
	return e, nil
}

func (e *entry) check(out *taskhawk.Outgoing, fifo bool) error {
	refuse := func(field, format string, args ...any) error {
		return &LimitError{Task: out.Task, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case out.Body == "":
		return refuse("body", "is empty")
	case e.size > MaxMessageSize:
		return refuse("size", "with attributes is %d bytes, the limit is %d", e.size, MaxMessageSize)
	case attribute.Forbidden(out.Body) >= 0:
		return refuse("body", "has a character that SQS refuses, at byte %d", attribute.Forbidden(out.Body))
	case out.Delay > MaxDelay:
		return refuse("delay", "is %s, the limit is %s", out.Delay, MaxDelay)
	case fifo && out.Delay > 0:
		return refuse("delay", "is not possible per message on a FIFO queue")
	case fifo && out.Group == "":
		return refuse("group", "is missing: a FIFO queue needs one, use taskhawk.WithGroup")
	case !fifo && out.DeduplicationID != "":
		return refuse("deduplication id", "is for FIFO queues only")
	case !validID(out.Group):
		return refuse("group", "is not up to %d letters, digits and punctuation marks", maxID)
	case !validID(out.DeduplicationID):
		return refuse("deduplication id", "is not up to %d letters, digits and punctuation marks", maxID)
	}
	return nil
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

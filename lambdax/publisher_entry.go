package lambdax

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/taskhawk/taskhawk-go/internal/attribute"
	"github.com/taskhawk/taskhawk-go/internal/limit"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// entry is a message ready to publish.
type entry struct {
	body          string
	attributes    map[string]types.MessageAttributeValue
	size          int // body and attributes, in bytes
	group         string
	deduplication string
}

// newEntry checks everything that can be checked without the network.
func newEntry(out *taskhawk.Outgoing, fifo bool, maxSize int) (entry, error) {
	mirror := attribute.Mirror(out.Task, out.Headers)
	e := entry{
		body: out.Body, attributes: make(map[string]types.MessageAttributeValue, len(mirror)), size: len(out.Body), group: out.Group,
	}
	for _, a := range mirror {
		e.attributes[a.Name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(a.Value)}
		e.size += a.Size()
	}
	if out.Delay > 0 {
		return entry{}, &LimitError{
			Task: out.Task, Field: "delay",
			Reason: "is not possible: SNS delivers at once; set DelaySeconds on a subscribed queue, or publish with sqsx",
		}
	}
	message := limit.Message{
		Body: out.Body, Group: out.Group, DeduplicationID: out.DeduplicationID, Size: e.size, MaxSize: maxSize,
		FIFO: fifo, Service: "SNS", Target: "topic",
	}
	if field, reason := message.Check(); field != "" {
		return entry{}, &LimitError{Task: out.Task, Field: field, Reason: reason}
	}
	e.deduplication = message.Deduplication(out.ID)
	return e, nil
}

// request is the entry in a batch.
func (e *entry) request(id *string) types.PublishBatchRequestEntry {
	return types.PublishBatchRequestEntry{
		Id: id, Message: aws.String(e.body), MessageAttributes: e.attributes,
		MessageGroupId: optional(e.group), MessageDeduplicationId: optional(e.deduplication),
	}
}

// optional is nil for an empty text: SNS refuses empty ids.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

package sqsx

import (
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attribute"
)

// letter is a dead letter that a pass has received.
type letter struct {
	message types.Message
	task    string // "" when it cannot be read
}

func (l *letter) id() string { return aws.ToString(l.message.MessageId) }

// reason is why the task failed for good, "" for a message that SQS moved.
func (l *letter) reason() string {
	return aws.ToString(l.message.MessageAttributes[attribute.Reason].StringValue)
}

// group is the message group: an order on a FIFO queue, a tenant on a standard queue.
func (l *letter) group() string {
	return l.message.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)]
}

// attributes are those of the message without what made it a dead letter.
func (l *letter) attributes() map[string]types.MessageAttributeValue {
	attributes := maps.Clone(l.message.MessageAttributes)
	delete(attributes, attribute.Reason)
	delete(attributes, attribute.Attempt)
	return attributes
}

// size is what the letter counts towards the size of a batch, in bytes, or a little more.
func (l *letter) size() int {
	size := len(aws.ToString(l.message.Body))
	for name, value := range l.message.MessageAttributes {
		size += len(name) + len(aws.ToString(value.DataType)) + len(aws.ToString(value.StringValue)) + len(value.BinaryValue)
	}
	return size
}

// entry is the letter as it goes back to its queue. The id of the letter deduplicates on a FIFO queue: a redrive that was
// cut off before it deleted the letter, and is repeated within five minutes, leaves no copy.
func (l *letter) entry(fifo bool) entry {
	e := entry{body: aws.ToString(l.message.Body), attributes: l.attributes(), size: l.size(), group: l.group()}
	if fifo {
		e.deduplication = l.id()
	}
	return e
}

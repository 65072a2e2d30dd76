package sqsx

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attribute"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// PublisherConfig tunes a [Publisher]. The zero value is a good default.
type PublisherConfig struct {
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// Publisher puts messages on the four queues of an application. It implements taskhawk.Publisher and
// taskhawk.BatchPublisher and is safe for concurrent use.
type Publisher struct {
	api   API
	urls  queueURLs
	names map[taskhawk.Priority]string
}

var _ taskhawk.BatchPublisher = (*Publisher)(nil)

// NewPublisher makes a publisher for the queues of an application, such as "dev-myapp". It makes no call: queue URLs are
// looked up when they are first needed, once each.
func NewPublisher(api API, queue string, config PublisherConfig) (*Publisher, error) {
	if api == nil {
		return nil, errors.New("sqsx: new publisher: nil API")
	}
	names, err := config.Naming.names(queue, nil)
	if err != nil {
		return nil, fmt.Errorf("sqsx: new publisher: %w", err)
	}
	return &Publisher{api: api, urls: queueURLs{api: api}, names: names}, nil
}

// Publish sends one message. It returns a [*LimitError] before any call when SQS would refuse the message, and a
// [*QueueError] when the call failed: the message is then not stored, or not known to be. The SDK retries as it is
// configured (by default three attempts); all of it takes at most 10 s.
func (p *Publisher) Publish(ctx context.Context, out *taskhawk.Outgoing) error {
	name := p.names[out.Priority]
	e, err := newEntry(out, isFIFO(name))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	url, err := p.urls.get(ctx, name)
	if err != nil {
		return err
	}
	_, err = p.api.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: url, MessageBody: aws.String(out.Body), MessageAttributes: sdkAttributes(e.attributes),
		DelaySeconds: seconds(out.Delay), MessageGroupId: optional(out.Group),
		MessageDeduplicationId: optional(out.DeduplicationID),
	})
	if err != nil {
		return &QueueError{Queue: name, Err: err}
	}
	return nil
}

func sdkAttributes(attributes []attribute.Attribute) map[string]types.MessageAttributeValue {
	values := make(map[string]types.MessageAttributeValue, len(attributes))
	for _, a := range attributes {
		values[a.Name] = stringAttribute(a.Value)
	}
	return values
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

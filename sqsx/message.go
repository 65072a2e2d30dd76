package sqsx

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// MessageFrom returns the SQS message that the current handler runs for, with its attributes of both kinds, and false
// outside of a handler of an SQS worker. Do not delete it: the worker does.
func MessageFrom(ctx context.Context) (types.Message, bool) {
	d := taskhawk.DeliveryFrom(ctx)
	if d == nil {
		return types.Message{}, false
	}
	message, ok := d.Raw.(types.Message)
	return message, ok
}

func newDelivery(message types.Message, queue string, received time.Time) *taskhawk.Delivery {
	attempt, err := strconv.Atoi(message.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil {
		attempt = 1
	}
	return &taskhawk.Delivery{
		Body:       aws.ToString(message.Body),
		Attributes: stringAttributes(message.MessageAttributes),
		MessageID:  aws.ToString(message.MessageId),
		Queue:      queue,
		Receipt:    aws.ToString(message.ReceiptHandle),
		Attempt:    attempt,
		Group:      message.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)],
		Sent:       sentAt(message),
		Received:   received,
		ClaimEnds:  received.Add(MaxVisibility),
		Raw:        message,
	}
}

// sentAt is when SQS stored the message; zero if it does not say.
func sentAt(message types.Message) time.Time {
	ms, err := strconv.ParseInt(message.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// stringAttributes leaves out what has no text: anybody may send a binary attribute.
func stringAttributes(attributes map[string]types.MessageAttributeValue) map[string]string {
	texts := make(map[string]string, len(attributes))
	for name, value := range attributes {
		if value.StringValue != nil {
			texts[name] = *value.StringValue
		}
	}
	return texts
}

package sqstest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// EventSource reads a queue as an event source mapping of Lambda does. It fits the
// Mapping of package lambdax/lambdatest.
type EventSource struct {
	client *sqs.Client
	queue  Queue
	wait   time.Duration
}

// EventSource returns an event source for a queue, which must exist. A receive waits for
// a message for up to wait, in whole seconds, at most 20; Lambda's own poll waits for 20.
func (s *Server) EventSource(name string, wait time.Duration) (*EventSource, error) {
	queue := s.Queue(name)
	if !queue.Exists {
		return nil, fmt.Errorf("sqstest: no queue %s", name)
	}
	return &EventSource{client: s.Client(), queue: queue, wait: wait}, nil
}

// Receive returns up to n messages, at most 10, as records of the event that Lambda gives
// a function. It returns none if none came or ctx has ended.
func (e *EventSource) Receive(ctx context.Context, n int) ([]json.RawMessage, error) {
	out, err := e.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &e.queue.URL, MaxNumberOfMessages: int32(n), WaitTimeSeconds: int32(e.wait / time.Second),
		MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil && ctx.Err() != nil {
		return nil, nil //nolint:nilerr // as documented: the end of ctx is no failure of the queue
	}
	if err != nil {
		return nil, fmt.Errorf("sqstest: receive from %s: %w", e.queue.Name, err)
	}
	records := make([]json.RawMessage, len(out.Messages))
	for i, m := range out.Messages {
		if records[i], err = json.Marshal(e.record(m)); err != nil {
			return nil, fmt.Errorf("sqstest: record of %s: %w", e.queue.Name, err)
		}
	}
	return records, nil
}

// Delete deletes messages by their receipt handles, ten with each request.
func (e *EventSource) Delete(ctx context.Context, receiptHandles []string) error {
	for len(receiptHandles) > 0 {
		n := min(len(receiptHandles), 10)
		in := &sqs.DeleteMessageBatchInput{QueueUrl: &e.queue.URL}
		for i, handle := range receiptHandles[:n] {
			in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(handle),
			})
		}
		out, err := e.client.DeleteMessageBatch(ctx, in)
		if err != nil {
			return fmt.Errorf("sqstest: delete from %s: %w", e.queue.Name, err)
		}
		if len(out.Failed) > 0 {
			return fmt.Errorf("sqstest: delete from %s: %d of %d failed: %s",
				e.queue.Name, len(out.Failed), n, aws.ToString(out.Failed[0].Code))
		}
		receiptHandles = receiptHandles[n:]
	}
	return nil
}

// eventRecord is one message of an SQS event ("Using Lambda with Amazon SQS",
// example event).
type eventRecord struct {
	MessageID              string                    `json:"messageId"`
	ReceiptHandle          string                    `json:"receiptHandle"`
	Body                   string                    `json:"body"`
	Attributes             map[string]string         `json:"attributes"`
	MessageAttributes      map[string]eventAttribute `json:"messageAttributes"`
	MD5OfMessageAttributes string                    `json:"md5OfMessageAttributes,omitempty"`
	MD5OfBody              string                    `json:"md5OfBody"`
	EventSource            string                    `json:"eventSource"`
	EventSourceARN         string                    `json:"eventSourceARN"`
	AWSRegion              string                    `json:"awsRegion"`
}

type eventAttribute struct {
	StringValue      *string  `json:"stringValue,omitempty"`
	BinaryValue      []byte   `json:"binaryValue,omitempty"`
	StringListValues []string `json:"stringListValues"`
	BinaryListValues [][]byte `json:"binaryListValues"`
	DataType         string   `json:"dataType"`
}

func (e *EventSource) record(m types.Message) eventRecord {
	attributes := map[string]eventAttribute{}
	for name, value := range m.MessageAttributes {
		attributes[name] = eventAttribute{
			StringValue: value.StringValue, BinaryValue: value.BinaryValue, DataType: aws.ToString(value.DataType),
			StringListValues: []string{}, BinaryListValues: [][]byte{},
		}
	}
	if m.Attributes == nil {
		m.Attributes = map[string]string{}
	}
	return eventRecord{
		MessageID:              aws.ToString(m.MessageId),
		ReceiptHandle:          aws.ToString(m.ReceiptHandle),
		Body:                   aws.ToString(m.Body),
		Attributes:             m.Attributes,
		MessageAttributes:      attributes,
		MD5OfMessageAttributes: aws.ToString(m.MD5OfMessageAttributes),
		MD5OfBody:              aws.ToString(m.MD5OfBody),
		EventSource:            "aws:sqs",
		EventSourceARN:         e.queue.ARN,
		AWSRegion:              region,
	}
}

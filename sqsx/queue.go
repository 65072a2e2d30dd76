package sqsx

import (
	"context"
	"crypto/md5" //nolint:gosec // the checksum that SQS sends, not for security
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// queue is one SQS queue for the worker loop.
type queue struct {
	api        API
	urls       *queueURLs
	name       string
	priority   taskhawk.Priority
	wait       time.Duration
	visibility time.Duration
	logger     *slog.Logger
}

var _ taskhawk.Queue = (*queue)(nil)

// Name returns the name of the queue.
func (q *queue) Name() string { return q.name }

// Priority returns the priority that the queue is for.
func (q *queue) Priority() taskhawk.Priority { return q.priority }

// Receive makes one long poll. It is not retried here or in the SDK: the loop has its own backoff, and the retry quota that
// all calls of a client share is for sends and deletes.
func (q *queue) Receive(ctx context.Context, limit int) ([]*taskhawk.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, q.wait+callTimeout)
	defer cancel()
	url, err := q.urls.get(ctx, q.name)
	if err != nil {
		return nil, err
	}
	out, err := q.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    url,
		MaxNumberOfMessages:         int32(min(limit, maxBatch)),
		WaitTimeSeconds:             seconds(q.wait),
		VisibilityTimeout:           seconds(q.visibility),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	}, receiveOptions)
	if err != nil {
		return nil, &QueueError{Queue: q.name, Err: err}
	}
	return q.deliveries(ctx, out.Messages), nil
}

// receiveOptions turns off the SDK's check of all bodies together, which drops nine good messages with a bad one.
func receiveOptions(o *sqs.Options) {
	o.RetryMaxAttempts = 1
	o.DisableMessageChecksumValidation = true
}

func (q *queue) deliveries(ctx context.Context, messages []types.Message) []*taskhawk.Delivery {
	now := time.Now()
	deliveries := make([]*taskhawk.Delivery, 0, len(messages))
	for _, message := range messages {
		if !intact(message) {
			q.logger.LogAttrs(ctx, slog.LevelError, "message arrived damaged, left for another delivery",
				slog.String("queue", q.name), slog.String("message_id", aws.ToString(message.MessageId)))
			continue
		}
		d := newDelivery(message, q.name, now)
		d.Settler = q
		deliveries = append(deliveries, d)
	}
	return deliveries
}

// intact checks the MD5 of the body, where there is one.
func intact(message types.Message) bool {
	if message.MD5OfBody == nil {
		return true
	}
	sum := md5.Sum([]byte(aws.ToString(message.Body))) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:]) == *message.MD5OfBody
}

// Delete takes the message off the queue. Only the last receipt handle of a message does that for certain.
func (q *queue) Delete(ctx context.Context, d *taskhawk.Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	url, err := q.urls.get(ctx, q.name)
	if err != nil {
		return err
	}
	_, err = q.api.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: aws.String(d.Receipt)})
	return q.wrap(err, d)
}

// SetVisibility changes the visibility timeout of the message, in whole seconds, rounded up.
func (q *queue) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	if timeout < 0 || timeout > MaxVisibility {
		return fmt.Errorf("visibility timeout %s: SQS takes 0 to %s", timeout, MaxVisibility)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	url, err := q.urls.get(ctx, q.name)
	if err != nil {
		return err
	}
	_, err = q.api.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: url, ReceiptHandle: aws.String(d.Receipt), VisibilityTimeout: seconds(timeout),
	})
	return q.wrap(err, d)
}

func (q *queue) wrap(err error, d *taskhawk.Delivery) error {
	if err == nil {
		return nil
	}
	return &QueueError{Queue: q.name, Err: err, receipt: d.Receipt}
}

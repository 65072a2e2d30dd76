package sqsx

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// queue is one SQS queue for the worker loop.
type queue struct {
	service *service
	info    taskhawk.QueueInfo
	wait    time.Duration
	logger  *slog.Logger
	deletes *groupcommit.Committer[string]
	changes *groupcommit.Committer[visibility]
}

var _ taskhawk.Queue = (*queue)(nil)

func newQueue(s *service, info taskhawk.QueueInfo, config WorkerConfig, logger *slog.Logger) *queue {
	q := &queue{service: s, info: info, wait: config.WaitTime, logger: logger}
	q.deletes = settlements(config.Linger, maxCalls, func(ctx context.Context, receipts []string) []error {
		return s.remove(ctx, info.Name, receipts)
	})
	q.changes = settlements(0, config.changeCalls(), func(ctx context.Context, changes []visibility) []error {
		return s.change(ctx, info.Name, changes)
	})
	return q
}

// settleLinger is the most that a settlement waits for others, unless Linger says so: it waits half as long as the last request
// took, so that handlers that end at different times still share one.
const settleLinger = 10 * time.Millisecond

func settlements[T any](
	linger time.Duration, calls int, commit func(context.Context, []T) []error,
) *groupcommit.Committer[T] {
	config := groupcommit.Config[T]{
		Commit: commit, MaxItems: attempts.MaxEntries, MaxCalls: calls, Patience: patience, Linger: linger,
	}
	if linger == 0 {
		config.Linger, config.Adapt = settleLinger, true
	}
	return groupcommit.New(config)
}

// Info describes the queue.
func (q *queue) Info() taskhawk.QueueInfo { return q.info }

// Receive makes one long poll. It is not retried here: the loop has its own backoff.
func (q *queue) Receive(ctx context.Context, limit int) ([]*taskhawk.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, q.wait+attempts.CallTimeout)
	defer cancel()
	url, err := q.service.urls.get(ctx, q.info.Name)
	if err != nil {
		return nil, err
	}
	out, err := q.service.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    url,
		MaxNumberOfMessages:         int32(min(limit, attempts.MaxEntries)),
		WaitTimeSeconds:             seconds(q.wait),
		VisibilityTimeout:           seconds(q.info.Visibility),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	}, receiveOptions)
	if err != nil {
		q.service.counts.receives.add(0)
		return nil, &QueueError{Queue: q.info.Name, Err: err}
	}
	q.service.counts.receives.add(len(out.Messages))
	if len(out.Messages) == 0 {
		q.service.counts.emptyReceives.Add(1)
	}
	return q.deliveries(ctx, out.Messages), nil
}

func (q *queue) deliveries(ctx context.Context, messages []types.Message) []*taskhawk.Delivery {
	now := time.Now()
	deliveries := make([]*taskhawk.Delivery, 0, len(messages))
	for _, message := range messages {
		if !intact(message) {
			q.service.counts.damaged.Add(1)
			q.logger.LogAttrs(ctx, slog.LevelError, "message arrived damaged, left for another delivery",
				slog.String("queue", q.info.Name), slog.String("message_id", aws.ToString(message.MessageId)))
			continue
		}
		d := newDelivery(message, q.info.Name, now)
		d.Settler = q
		deliveries = append(deliveries, d)
	}
	return deliveries
}

// Delete takes the message off the queue, in one request with others. Only the last receipt handle of a message does that
// for certain.
func (q *queue) Delete(ctx context.Context, d *taskhawk.Delivery) error {
	return q.deletes.Do(ctx, d.Receipt)
}

// SetVisibility changes the visibility timeout of the message, in whole seconds, rounded up, in one request with others.
func (q *queue) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	if timeout < 0 || timeout > MaxVisibility {
		return fmt.Errorf("visibility timeout %s: SQS takes 0 to %s", timeout, MaxVisibility)
	}
	err := q.changes.Do(ctx, visibility{receipt: d.Receipt, timeout: timeout})
	if lost(err) {
		err = fmt.Errorf("%w: %w", taskhawk.ErrVisibilityLost, err)
	}
	return err
}

package sqsx

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// queue is one SQS queue for the worker loop.
type queue struct {
	*settlements

	info   taskhawk.QueueInfo
	wait   time.Duration
	logger *slog.Logger
}

var _ taskhawk.Queue = (*queue)(nil)

func newQueue(s *service, info taskhawk.QueueInfo, config WorkerConfig, logger *slog.Logger) *queue {
	return &queue{
		settlements: newSettlements(s, info.Name, config.Linger, config.changeCalls()),
		info:        info, wait: config.WaitTime, logger: logger,
	}
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

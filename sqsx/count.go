package sqsx

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// QueueCount has the message counts of one queue. SQS counts approximately, and up to a
// minute late.
type QueueCount struct {
	// Queue is the name of the queue.
	Queue string
	// Priority is the priority of the queue, or of the queue whose dead letters it holds.
	// It is the most urgent one if the queue is for several.
	Priority taskhawk.Priority
	// DeadLetters reports whether it is a dead-letter queue.
	DeadLetters bool
	// Waiting is how many messages can be received.
	Waiting int
	// InFlight is how many messages are received, but neither deleted nor visible again.
	InFlight int
	// Delayed is how many messages still have a delay.
	Delayed int
	// Err is a *QueueError if the queue could not be counted. It wraps
	// *types.QueueDoesNotExist if the queue does not exist.
	Err error
}

// CountConfig selects the queues that [Count] counts. The zero value is a good default.
type CountConfig struct {
	// Account is the number of the account that owns the queues, 12 digits. Default: the
	// caller's own account.
	Account string
	// Priorities are the queues to count. Default: all four.
	Priorities []taskhawk.Priority
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// CountAPI has the calls of SQS that [Count] makes: GetQueueUrl and GetQueueAttributes.
// *sqs.Client satisfies it.
type CountAPI interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	GetQueueAttributes(
		context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
	) (*sqs.GetQueueAttributesOutput, error)
}

// Count counts the messages of an application's queues, each followed by its dead-letter
// queue, the most urgent priority first. It makes two requests for each queue and
// receives no message. A queue that cannot be counted has an Err, and the others are
// still counted. Count returns an error only for invalid arguments or if ctx ends.
func Count(ctx context.Context, api CountAPI, app string, config CountConfig) ([]QueueCount, error) {
	if nilcheck.IsNil(api) {
		return nil, errors.New("sqsx: count: nil API")
	}
	if err := awsbatch.CheckAccount(config.Account); err != nil {
		return nil, fmt.Errorf("sqsx: count: %w", err)
	}
	names, err := config.Naming.names(app, config.Priorities)
	if err != nil {
		return nil, fmt.Errorf("sqsx: count: %w", err)
	}
	var counts []QueueCount
	for _, q := range sqsqueue.Queues(names) {
		for _, count := range []QueueCount{
			{Queue: q.Name, Priority: q.Priority},
			{Queue: DeadLetterQueueName(q.Name), Priority: q.Priority, DeadLetters: true},
		} {
			count.read(ctx, api, config.Account)
			if ctx.Err() != nil {
				return nil, fmt.Errorf("sqsx: count: %w", guard.Error(context.Cause(ctx)))
			}
			counts = append(counts, count)
		}
	}
	return counts, nil
}

// read asks SQS for the counts.
func (c *QueueCount) read(ctx context.Context, api CountAPI, account string) {
	url, err := lookUp(ctx, api, account, c.Queue)
	if err != nil {
		c.Err = err
		return
	}
	found, err := getAttributes(ctx, api, c.Queue, url, types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed)
	if err != nil {
		c.Err = err
		return
	}
	c.Waiting, c.InFlight = found.Number(sqsqueue.VisibleMessages), found.Number(sqsqueue.InFlight)
	c.Delayed = found.Number(sqsqueue.Delayed)
}

package sqsx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// WaitingMessage is a message that waits on a queue.
type WaitingMessage struct {
	// Queue is the name of the queue.
	Queue string
	// MessageID is the id that SQS gave the message.
	MessageID string
	// ID and Task identify the run; "" if the body cannot be read.
	ID, Task string
	// Receives is how often SQS has delivered the message, including this look.
	Receives int
	// MaxReceives is how often the message may be received before SQS moves it to the
	// dead-letter queue; 0 for no limit. A message with as many Receives becomes a dead
	// letter at its next receive, and does not run.
	MaxReceives int
	// Dispatched is when the task was dispatched, by the clock of its sender; zero if the
	// body cannot be read.
	Dispatched time.Time
	// Sent is when SQS stored the message.
	Sent time.Time
	// Group is the message group, "" for none.
	Group string
	// Size is the size of the body and attributes, in bytes.
	Size int
	// Damaged reports whether the body does not match the MD5 from SQS.
	Damaged bool
	// Body and Attributes are set if WaitingConfig.Bodies is set.
	Body       string
	Attributes map[string]types.MessageAttributeValue
}

// WaitingConfig selects the messages that [Waiting] yields. The zero value yields up to
// ten.
type WaitingConfig struct {
	// Account is the number of the account that owns the queues, 12 digits. Default: the
	// caller's own account.
	Account string
	// Priorities are the queues to look at. Default: all four.
	Priorities []taskhawk.Priority
	// Limit is the most messages to receive from all queues together, 1 to 1000. Default
	// 10.
	Limit int
	// Bodies sets Body and Attributes of the messages.
	Bodies bool
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// The limits of a look at waiting messages.
const (
	defaultWaiting = 10
	maxWaiting     = 1000
)

// Waiting yields messages that wait on the queues of an application, the most urgent
// priority first. It gives them back when the loop ends.
//
// Use it sparingly, since each look is a receive. Workers do not see the messages until
// the loop ends, or for two minutes after a kill. Each look uses one of the receives that
// the queue allows. A message at its last receive becomes a dead letter without another
// run: see MaxReceives. Waiting refuses a queue that allows only one receive, and a queue
// whose attributes the caller may not read.
//
// An error concerns one queue and is yielded with a zero WaitingMessage. The loop
// continues with the next queue. It ends when ctx ends.
func Waiting(ctx context.Context, api RedriveAPI, app string, config WaitingConfig) iter.Seq2[WaitingMessage, error] {
	return func(yield func(WaitingMessage, error) bool) {
		limit := config.Limit
		switch {
		case limit == 0:
			limit = defaultWaiting
		case limit < 0 || limit > maxWaiting:
			yield(WaitingMessage{}, fmt.Errorf("sqsx: waiting: Limit %d: 1 to %d", limit, maxWaiting))
			return
		}
		l, names, err := newLook(api, app, DeadLettersConfig{
			Account: config.Account, Priorities: config.Priorities, Naming: config.Naming, Bodies: config.Bodies,
			Limit: limit,
		})
		if err != nil {
			yield(WaitingMessage{}, fmt.Errorf("sqsx: waiting: %w", err))
			return
		}
		for _, name := range names {
			more, err := l.waiting(ctx, name, yield)
			if err != nil && ctx.Err() != nil {
				err, more = caused(ctx, err), false
			}
			if err != nil && !yield(WaitingMessage{}, fmt.Errorf("sqsx: waiting: %w", err)) || !more {
				return
			}
		}
	}
}

// errLastReceive is the error for a queue that allows only one receive.
var errLastReceive = errors.New(
	"queue allows one receive only: a look would make each message a dead letter")

// waiting yields messages of a queue, and reports false if the loop wants no more.
func (l *look) waiting(
	ctx context.Context, name string, yield func(WaitingMessage, error) bool,
) (more bool, err error) {
	most, err := l.maxReceives(ctx, name)
	if err != nil {
		return true, err
	}
	s, err := newScan(l.service, name)
	if err != nil {
		return false, err
	}
	more = true
	ended := scanAll(ctx, []*scan{s}, l.receiveLimit(), func(_ *scan, received []*letter, failed error) (int, bool) {
		if err = failed; err != nil {
			return 0, true
		}
		more, err = l.take(s, received, func(of *letter) bool {
			return yield(of.waitingMessage(name, most, l.config.Bodies), nil)
		})
		return l.receiveLimit(), more && err == nil
	})
	if ended != nil {
		err = ended
	}
	return more, err
}

// maxReceives returns how often messages of a queue may be received, 0 for no limit.
func (l *look) maxReceives(ctx context.Context, name string) (int, error) {
	url, err := l.service.urls.get(ctx, name)
	if err != nil {
		return 0, err
	}
	found, err := getAttributes(ctx, l.api, name, url, types.QueueAttributeNameRedrivePolicy)
	if err != nil {
		return 0, err
	}
	policy, err := found.RedrivePolicy()
	switch {
	case err != nil:
		return 0, &QueueError{Queue: name, Err: err}
	case policy == nil:
		return 0, nil
	case policy.MaxReceiveCount == 1:
		return 0, &QueueError{Queue: name, Err: errLastReceive}
	}
	return policy.MaxReceiveCount, nil
}

func (l *letter) waitingMessage(queue string, most int, bodies bool) WaitingMessage {
	m := WaitingMessage{
		Queue:       queue,
		MessageID:   l.messageID(),
		ID:          l.id,
		Task:        l.task,
		Receives:    int(l.number(types.MessageSystemAttributeNameApproximateReceiveCount)),
		MaxReceives: most,
		Dispatched:  l.dispatched,
		Sent:        sentAt(l.message),
		Group:       l.group(),
		Size:        l.size(),
		Damaged:     !l.intact,
	}
	if bodies {
		m.Body, m.Attributes = aws.ToString(l.message.Body), l.message.MessageAttributes
	}
	return m
}

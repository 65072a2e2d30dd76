package sqsx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// DeadLetter is a message on a dead-letter queue.
type DeadLetter struct {
	// Queue is the name of the queue that the letter would go back to.
	Queue string
	// MessageID identifies the letter, by SQS.
	MessageID string
	// ID is the id of the task's run; "" if the body cannot be read.
	ID string
	// Task is the name of the task, by the body, else by the attribute taskhawk_task; ""
	// if neither tells.
	Task string
	// Reason is the attribute taskhawk_reason, cut at 256 bytes: the text of the error
	// given to taskhawk.Permanent. It is "" for letters that SQS moved by its redrive
	// policy.
	Reason string
	// Attempt is the attribute taskhawk_attempt: at which attempt the task failed for good.
	// It is 0 for letters that SQS moved.
	Attempt int
	// Receives is how often the message was received, as SQS counts; this look is one.
	Receives int
	// Dispatched is when the task was dispatched, by the clock of its sender; zero if the
	// body cannot be read.
	Dispatched time.Time
	// Sent is when SQS stored the message. For letters that SQS moved on a standard queue
	// that is when the task was sent, else when it became a dead letter.
	Sent time.Time
	// Group is the message group, "" for none.
	Group string
	// Size is the size of body and attributes, in bytes.
	Size int
	// Damaged reports that the body does not have the MD5 that SQS gives for it. Nothing
	// is read from it then.
	Damaged bool
	// Body is the body as it was sent. It is empty unless DeadLettersConfig.Bodies is set.
	Body string
	// Attributes are the message attributes. They are nil unless DeadLettersConfig.Bodies
	// is set.
	Attributes map[string]types.MessageAttributeValue
	// Trace is the trace header of X-Ray, "" for none and unless DeadLettersConfig.Bodies is
	// set.
	Trace string
}

// DeadLettersConfig says which letters [DeadLetters] yields. The zero value yields all.
type DeadLettersConfig struct {
	// Account is the number of the account that owns the queues, 12 digits. Default: the
	// caller's own account.
	Account string
	// Priorities are the queues whose dead letters are looked at. Default: all four.
	Priorities []taskhawk.Priority
	// Tasks, Reason, Since and IDs choose letters as they do in [RedriveConfig].
	Tasks  []string
	Reason func(reason string) bool
	Since  time.Time
	IDs    []string
	// Limit is how many letters are yielded at most, over all queues. Default 0: no limit.
	Limit int
	// Bodies gives the letters their Body, Attributes and Trace. A letter without them takes less
	// than 1 KiB, so that a list of 100,000 can be kept.
	Bodies bool
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// DeadLetters looks at the dead letters of an application, without taking them away: the
// most urgent priority first, and each queue in the order in which SQS gives them.
//
// SQS has no way to look at a message but to receive it. So the letters that were looked
// at are invisible to others, a redrive among them, until the loop ends, and are then
// given back; after a kill they come back after two minutes, or as long as the loop had
// run. Each look counts as a receive. A dead-letter queue that has a redrive policy itself
// would move letters on by that count, so DeadLetters refuses to look at it, and at one
// whose attributes the caller may not read.
//
// It yields as it receives, ten at a time, and keeps less than 1 KiB for each letter that
// it has in flight. SQS hides all further messages when about 120,000 of a queue are in
// flight, so it stops with an error at 100,000. On a FIFO queue the letters in flight hold
// up those behind them in their group, which it then does not see.
//
// An error is yielded with a zero DeadLetter, and is about one queue, named in a
// [*QueueError]; the loop goes on with the next queue. It ends when ctx does, with an
// error that wraps its cause. The sequence may be used more than once; each use looks
// anew.
func DeadLetters(
	ctx context.Context, api RedriveAPI, app string, config DeadLettersConfig,
) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		l, names, err := newLook(api, app, config)
		if err != nil {
			yield(DeadLetter{}, fmt.Errorf("sqsx: dead letters: %w", err))
			return
		}
		for _, name := range names {
			if !l.queue(ctx, app, name, yield) {
				return
			}
		}
	}
}

// look is one use of DeadLetters.
type look struct {
	api     RedriveAPI
	service *service
	config  DeadLettersConfig
	filter  letterFilter
	reader  *letterReader
	clock   serverClock
	yielded int
	exists  map[string]bool // queues by name; nil before one was missing
}

// newLook returns the names of the queues as well, the most urgent first.
func newLook(api RedriveAPI, app string, config DeadLettersConfig) (*look, []string, error) {
	if nilcheck.IsNil(api) {
		return nil, nil, errors.New("nil API")
	}
	if config.Limit < 0 {
		return nil, nil, fmt.Errorf("negative Limit %d", config.Limit)
	}
	if err := awsbatch.CheckAccount(config.Account); err != nil {
		return nil, nil, err
	}
	names, err := config.Naming.names(app, config.Priorities)
	if err != nil {
		return nil, nil, err
	}
	reader, err := newLetterReader()
	if err != nil {
		return nil, nil, err
	}
	l := &look{
		api: api, service: newService(api, config.Account), config: config, reader: reader,
		filter: letterFilter{tasks: config.Tasks, reason: config.Reason, since: config.Since, ids: config.IDs},
	}
	return l, sqsqueue.InOrder(names), nil
}

// queue yields the letters of a queue, and the error of it. It reports whether to go on
// with the next queue.
func (l *look) queue(ctx context.Context, app, name string, yield func(DeadLetter, error) bool) bool {
	more, err := l.look(ctx, name, yield)
	if err != nil && ctx.Err() != nil {
		err, more = caused(ctx, err), false
	}
	if sqsqueue.IsMissing(err) && l.exists == nil {
		l.exists, err = l.service.explain(ctx, app, l.config.Naming, err, nil)
	}
	if err != nil && !yield(DeadLetter{}, fmt.Errorf("sqsx: dead letters: %w", err)) {
		return false
	}
	// Where no queue exists, each of the others would say the same.
	return more && (l.exists == nil || anyTrue(l.exists))
}

// look yields the letters of a queue, and reports false when no more are wanted.
func (l *look) look(ctx context.Context, name string, yield func(DeadLetter, error) bool) (more bool, err error) {
	letters := DeadLetterQueueName(name)
	if err := requireEnd(ctx, l.api, l.service, letters); err != nil {
		return true, err
	}
	return l.each(ctx, letters, func(of *letter) bool { return yield(of.deadLetter(name, l.config.Bodies), nil) })
}

// each yields the messages of a queue that the filter takes, up to the limit, under one
// lease. It reports false when no more are wanted.
func (l *look) each(ctx context.Context, queue string, yield func(of *letter) bool) (more bool, err error) {
	s := newScan(l.service, queue, l.reader, &l.clock)
	// Also when the caller's loop breaks, or panics.
	defer s.leases.release(ctx)
	for !s.exhausted {
		limit := l.receiveLimit()
		if limit == 0 {
			return false, nil
		}
		received, err := s.next(ctx, limit)
		if err != nil {
			return true, err
		}
		for _, of := range received {
			taken, err := l.filter.takes(of)
			if err != nil {
				return true, &QueueError{Queue: queue, Err: err}
			}
			if !taken || l.room(1) == 0 {
				continue
			}
			l.yielded++
			if !yield(of) {
				return false, nil
			}
		}
	}
	return true, nil
}

// room is how many letters the limit still allows, at most most.
func (l *look) room(most int) int {
	if l.config.Limit == 0 {
		return most
	}
	return min(most, l.config.Limit-l.yielded)
}

// receiveLimit is how many letters to receive: no more than are wanted, and ten where many
// may turn out not to be.
func (l *look) receiveLimit() int {
	n := l.room(awsbatch.MaxEntries)
	if n > 0 && l.filter.filters() {
		return awsbatch.MaxEntries
	}
	return n
}

// deadLetter returns what the caller sees. Its texts are clones or small, so that a letter
// without its body keeps nothing of the answer of SQS alive.
func (l *letter) deadLetter(queue string, bodies bool) DeadLetter {
	attempt, err := strconv.Atoi(l.attribute(awsbatch.AttributeAttempt))
	if err != nil {
		attempt = 0
	}
	d := DeadLetter{
		Queue:      queue,
		MessageID:  l.messageID(),
		ID:         l.id,
		Task:       l.task,
		Reason:     strings.Clone(shorten(l.reason(), maxReason)),
		Attempt:    attempt,
		Receives:   int(l.number(types.MessageSystemAttributeNameApproximateReceiveCount)),
		Dispatched: l.dispatched,
		Sent:       sentAt(l.message),
		Group:      l.group(),
		Size:       l.size(),
		Damaged:    !l.intact,
	}
	if bodies {
		d.Body, d.Attributes, d.Trace = aws.ToString(l.message.Body), l.message.MessageAttributes, l.trace()
	}
	return d
}

// errChain is why nothing looks at the letters of such a queue.
var errChain = errors.New("the dead-letter queue has a redrive policy itself, so that a look could move letters on: " +
	"take that policy away first")

// requireEnd fails unless the dead-letter queue of that name is known to have no redrive
// policy, by which looks would move letters on.
func requireEnd(ctx context.Context, api sqsqueue.AttributesAPI, service *service, letters string) error {
	url, err := service.urls.get(ctx, letters)
	if err != nil {
		return err
	}
	found, err := getAttributes(ctx, api, letters, url, types.QueueAttributeNameRedrivePolicy)
	if err != nil {
		return err
	}
	if found[sqsqueue.Redrive] != "" {
		return &QueueError{Queue: letters, Err: errChain}
	}
	return nil
}

// anyTrue reports whether one of the values is true.
func anyTrue(values map[string]bool) bool {
	for _, value := range values {
		if value {
			return true
		}
	}
	return false
}

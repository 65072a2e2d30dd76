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
	// Queue is the name of the queue to which a redrive moves the letter.
	Queue string
	// MessageID is the id that SQS gave the message.
	MessageID string
	// ID is the id of the task's run; "" if the body cannot be read.
	ID string
	// Task is the name of the task from the body, or from the attribute taskhawk_task
	// if the body cannot be read. It is "" if neither has one.
	Task string
	// Reason is the attribute taskhawk_reason: the text of the error given to
	// taskhawk.Permanent, on one line and cut at 256 bytes. It is "" for letters that
	// SQS moved by its redrive policy.
	Reason string
	// Attempt is the attribute taskhawk_attempt: the number of the attempt that failed
	// for good. It is 0 for letters that SQS moved.
	Attempt int
	// Receives is how often SQS has delivered the message, including this look.
	Receives int
	// Dispatched is when the task was dispatched, by the clock of its sender; zero if the
	// body cannot be read.
	Dispatched time.Time
	// Sent is when SQS stored the message. If SQS moved the letter on a standard queue,
	// it is when the task was sent. Otherwise it is when the message became a dead
	// letter.
	Sent time.Time
	// Group is the message group, "" for none.
	Group string
	// Size is the size of the body and attributes, in bytes.
	Size int
	// Damaged reports whether the body does not match the MD5 from SQS. Then ID, Task
	// and Dispatched are zero.
	Damaged bool
	// Body is the body as it was sent. It is empty unless DeadLettersConfig.Bodies is set.
	Body string
	// Attributes are the message attributes. They are nil unless DeadLettersConfig.Bodies
	// is set.
	Attributes map[string]types.MessageAttributeValue
	// Trace is the trace header of X-Ray. It is "" for none and unless
	// DeadLettersConfig.Bodies is set.
	Trace string
}

// DeadLettersConfig selects the letters that [DeadLetters] yields. The zero value
// yields all.
type DeadLettersConfig struct {
	// Account is the number of the account that owns the queues, 12 digits. Default: the
	// caller's own account.
	Account string
	// Priorities are the queues whose dead letters are yielded. Default: all four.
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

// DeadLetters yields the dead letters of an application and leaves them on their
// queues. It looks at all queues side by side and yields letters as they arrive, up to
// ten of one queue at a time. Letters of one queue have the order in which SQS delivers
// them.
//
// SQS has no way to look at a message but to receive it. So received letters are
// invisible to others, including a redrive, until DeadLetters has seen their whole
// queue or the loop ends. Then they are given back. A loop that breaks waits up to a
// second for the polls in flight. After a kill the letters become visible after two
// minutes, or after as long as the loop had run if that is longer.
//
// Each look counts as a receive, also of up to ten letters a queue that a limit or a
// break leaves out. A dead-letter queue that has a redrive policy itself would move
// letters on by that count. So DeadLetters refuses such a queue, and a queue whose
// attributes the caller may not read.
//
// It keeps less than 1 KiB for each letter in flight. SQS hides further messages when
// about 120,000 of a queue are in flight, so the look at a queue stops with an error at
// 100,000. On a FIFO queue, a letter in flight blocks the later letters of its group,
// which DeadLetters then does not see.
//
// An error is yielded with a zero DeadLetter. It concerns one queue, which its
// [*QueueError] names, and the loop continues with the other queues. The loop ends when
// ctx ends, with an error that wraps the cause. The sequence may be used more than
// once; each use receives again. The Reason function and the loop's body run in the
// caller's goroutine.
func DeadLetters(
	ctx context.Context, api RedriveAPI, app string, config DeadLettersConfig,
) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		l, names, err := newLook(api, app, config)
		if err == nil {
			err = l.deadLetters(ctx, app, names, yield)
		}
		if err != nil {
			yield(DeadLetter{}, fmt.Errorf("sqsx: dead letters: %w", err))
		}
	}
}

// look is one use of DeadLetters or Waiting.
type look struct {
	api     RedriveAPI
	service *service
	config  DeadLettersConfig
	filter  letterFilter
	yielded int
	exists  map[string]bool // queues by name; nil until one is missing
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
	l := &look{
		api: api, service: newService(api, config.Account), config: config,
		filter: letterFilter{tasks: config.Tasks, reason: config.Reason, since: config.Since, ids: config.IDs},
	}
	return l, sqsqueue.InOrder(names), nil
}

// deadLetters yields the letters of all queues, and an error for each queue that fails.
// It returns an error if ctx ended.
func (l *look) deadLetters(
	ctx context.Context, app string, names []string, yield func(DeadLetter, error) bool,
) error {
	queues := map[*scan]string{} // to which the letters go back
	var scans []*scan
	for _, name := range names {
		s, err := newScan(l.service, DeadLetterQueueName(name))
		if err != nil {
			return err
		}
		s.before = func(ctx context.Context) error { return requireEnd(ctx, l.api, l.service, s.queue) }
		queues[s], scans = name, append(scans, s)
	}
	return scanAll(ctx, scans, l.receiveLimit(), func(s *scan, received []*letter, err error) (limit int, more bool) {
		if err == nil {
			var wanted bool
			wanted, err = l.take(s, received, func(of *letter) bool {
				return yield(of.deadLetter(queues[s], l.config.Bodies), nil)
			})
			if err == nil {
				return l.receiveLimit(), wanted
			}
		}
		if sqsqueue.IsMissing(err) && l.exists == nil {
			l.exists, err = l.service.explain(ctx, app, l.config.Naming, err, nil)
		}
		if !yield(DeadLetter{}, fmt.Errorf("sqsx: dead letters: %w", err)) {
			return 0, false
		}
		// If no queue exists, the other queues would fail with the same error.
		return 0, l.exists == nil || anyTrue(l.exists)
	})
}

// take yields the letters that the filter takes, up to the limit. It reports false when
// no more are wanted.
func (l *look) take(s *scan, received []*letter, yield func(of *letter) bool) (more bool, err error) {
	for _, of := range received {
		taken, err := l.filter.takes(of)
		if err != nil {
			return true, &QueueError{Queue: s.queue, Err: err}
		}
		if !taken {
			continue
		}
		if l.room(1) == 0 {
			return false, nil
		}
		l.yielded++
		if !yield(of) {
			return false, nil
		}
	}
	return l.room(1) > 0, nil
}

// room is how many letters the limit still allows, at most most.
func (l *look) room(most int) int {
	if l.config.Limit == 0 {
		return most
	}
	return min(most, l.config.Limit-l.yielded)
}

// receiveLimit returns how many letters to receive: no more than the limit allows, but
// ten if the filter may exclude some.
func (l *look) receiveLimit() int {
	n := l.room(awsbatch.MaxEntries)
	if n > 0 && l.filter.filters() {
		return awsbatch.MaxEntries
	}
	return n
}

// deadLetter returns the letter for the caller. Its strings are clones, or small, so
// that a letter without its body does not keep the answer of SQS in memory.
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

// errChain refuses a look at letters that their receive counts could move on.
var errChain = errors.New("the dead-letter queue has a redrive policy itself, and a look could move letters on: " +
	"remove that policy first")

// requireEnd returns errChain if the dead-letter queue has a redrive policy. It also
// fails if the policy cannot be read.
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

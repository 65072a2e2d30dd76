package lambdax

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Publisher puts messages on the four topics of an application, once each: what is subscribed to the topics, functions or queues, runs
// them. It implements taskhawk.Publisher and taskhawk.BatchPublisher and is safe for concurrent use. Make one when the program starts
// and keep it.
//
// Messages share requests by group commit: the first one goes at once, and those that come while its call is in flight go
// together in the next, up to ten and the size that a topic takes. Each Publish still returns when SNS has accepted its own message.
//
// SNS accepts messages on a topic to which nothing is subscribed, and drops them.
type Publisher struct {
	api             PublisherAPI
	arns            *topicARNs
	maxSize         int
	topics          map[taskhawk.Priority]*topic
	calls, messages atomic.Int64
}

// topic is where the messages for one topic gather.
type topic struct {
	name   string
	commit *groupcommit.Committer[entry]
}

var _ taskhawk.BatchPublisher = (*Publisher)(nil)

const (
	// maxCalls is how many full batches may be in flight at once for one topic.
	maxCalls = 8
	// patience is how long a message waits for a call in flight before it gets another: a call takes some 20 ms, unless it hangs.
	patience = 50 * time.Millisecond
)

// NewPublisher makes a publisher for the topics of an application, such as "dev-myapp". It makes no call.
func NewPublisher(api PublisherAPI, queue string, config PublisherConfig) (*Publisher, error) {
	p, err := newPublisher(api, queue, config)
	if err != nil {
		return nil, fmt.Errorf("lambdax: new publisher: %w", err)
	}
	return p, nil
}

func newPublisher(api PublisherAPI, queue string, config PublisherConfig) (*Publisher, error) {
	if api == nil {
		return nil, errors.New("nil PublisherAPI")
	}
	if err := config.check(); err != nil {
		return nil, err
	}
	names, err := config.Naming.names(queue)
	if err != nil {
		return nil, err
	}
	prefix, err := config.arnPrefix(api)
	if err != nil {
		return nil, err
	}
	p := &Publisher{
		api: api, arns: newTopicARNs(api, prefix), maxSize: cmp.Or(config.MaxMessageSize, DefaultMessageSize),
		topics: map[taskhawk.Priority]*topic{},
	}
	for priority, name := range names {
		p.topics[priority] = p.topic(name, config.Linger)
	}
	return p, nil
}

// Publish publishes one message. It returns a [*LimitError] before any call when SNS would refuse the message, also one with a delay, which
// SNS does not have, and a [*TopicError] when it is not known to be accepted. Failures that may pass are retried, three attempts and
// 20 s in all. When SNS may have accepted the message though no answer said so, the error wraps taskhawk.ErrOutcomeUnknown.
func (p *Publisher) Publish(ctx context.Context, out *taskhawk.Outgoing) error {
	return p.PublishBatch(ctx, []*taskhawk.Outgoing{out})[0]
}

// PublishBatch publishes the messages in as few calls as the limits allow, together with those of others. The result has an error for
// each message that failed, as Publish gives it; what SNS refused for an entry is an [*EntryError] in it.
func (p *Publisher) PublishBatch(ctx context.Context, outs []*taskhawk.Outgoing) []error {
	spread := groupcommit.NewSpread[entry](len(outs))
	for i, out := range outs {
		t := p.topics[out.Priority]
		if t == nil {
			spread.Fail(i, fmt.Errorf("%w: %s", taskhawk.ErrUnknownPriority, out.Priority))
			continue
		}
		e, err := newEntry(out, isFIFO(t.name), p.maxSize)
		if err != nil {
			spread.Fail(i, err)
			continue
		}
		spread.Add(i, t.commit, e)
	}
	return spread.Send(ctx)
}

// PublisherStats counts the calls of a publisher.
type PublisherStats struct {
	// Calls is how many calls of PublishBatch were made, retries included.
	Calls int64
	// Messages is how many messages they carried: divided by Calls, how well batches are filled.
	Messages int64
}

// Stats counts the calls of this publisher. It may be called at any time, concurrently.
func (p *Publisher) Stats() PublisherStats {
	return PublisherStats{Calls: p.calls.Load(), Messages: p.messages.Load()}
}

func (p *Publisher) topic(name string, linger time.Duration) *topic {
	calls := maxCalls
	if isFIFO(name) {
		calls = 1 // two calls side by side could change the order
	}
	return &topic{name: name, commit: groupcommit.New(groupcommit.Config[entry]{
		Commit:   func(ctx context.Context, entries []entry) []error { return p.send(ctx, name, entries) },
		GivenUp:  func(err error) error { return givenUp(name, err) },
		Size:     func(e entry) int { return e.size },
		MaxItems: attempts.MaxEntries, MaxBytes: p.maxSize, MaxCalls: calls,
		Patience: patience, Linger: linger,
	})}
}

// send publishes entries on one topic, ten at most, and returns an error for each that is not known to be accepted.
func (p *Publisher) send(ctx context.Context, name string, entries []entry) []error {
	arn, err := p.arns.get(ctx, name)
	if err != nil {
		return onTopic(name, attempts.Fill(len(entries), err))
	}
	return onTopic(name, attempts.Run(ctx, policy(taskhawk.ErrOutcomeUnknown), entries, func(ctx context.Context, entries []entry) []error {
		return p.call(ctx, arn, entries)
	}))
}

// call is one attempt.
func (p *Publisher) call(ctx context.Context, arn string, entries []entry) []error {
	p.calls.Add(1)
	p.messages.Add(int64(len(entries)))
	batch := make([]types.PublishBatchRequestEntry, len(entries))
	for i, e := range entries {
		batch[i] = e.request(attempts.EntryID(i))
	}
	out, err := p.api.PublishBatch(ctx, &sns.PublishBatchInput{TopicArn: &arn, PublishBatchRequestEntries: batch}, once)
	if err != nil {
		return attempts.Fill(len(entries), err)
	}
	results := attempts.NewResults(len(entries))
	for _, entry := range out.Successful {
		results.Set(entry.Id, nil)
	}
	for _, f := range out.Failed {
		results.Set(f.Id, &EntryError{Code: aws.ToString(f.Code), Message: aws.ToString(f.Message), SenderFault: f.SenderFault})
	}
	return results
}

// onTopic says in each error which topic it is about.
func onTopic(name string, errs []error) []error {
	for i, err := range errs {
		if err != nil {
			errs[i] = &TopicError{Topic: name, Err: err}
		}
	}
	return errs
}

// givenUp is the error of a message whose sender did not wait for the answer, or whose call broke.
func givenUp(name string, err error) error {
	if errors.Is(err, groupcommit.ErrAbandoned) {
		err = fmt.Errorf("%w: %w", taskhawk.ErrOutcomeUnknown, err)
	}
	return &TopicError{Topic: name, Err: err}
}

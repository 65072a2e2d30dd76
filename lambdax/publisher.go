package lambdax

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
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
	maxAttributes   int
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
func NewPublisher(api PublisherAPI, app string, config PublisherConfig) (*Publisher, error) {
	p, err := newPublisher(api, app, config)
	if err != nil {
		return nil, fmt.Errorf("lambdax: new publisher: %w", err)
	}
	return p, nil
}

func newPublisher(api PublisherAPI, app string, config PublisherConfig) (*Publisher, error) {
	if nilcheck.IsNil(api) {
		return nil, errors.New("nil PublisherAPI")
	}
	if err := config.check(); err != nil {
		return nil, err
	}
	names, err := config.Naming.names(app)
	if err != nil {
		return nil, err
	}
	prefix, err := config.arnPrefix(api)
	if err != nil {
		return nil, err
	}
	p := &Publisher{
		api: api, arns: newTopicARNs(api, prefix), maxSize: cmp.Or(config.MaxMessageSize, DefaultMessageSize),
		maxAttributes: cmp.Or(config.MaxAttributes, awsbatch.DefaultAttributes),
		topics:        map[taskhawk.Priority]*topic{},
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
		e, err := newEntry(out, isFIFO(t.name), p.maxSize, p.maxAttributes)
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
	var key func(e entry) string
	if isFIFO(name) { // elsewhere a group is a tenant, whose messages have no order
		key = func(e entry) string { return e.group }
	}
	return &topic{name: name, commit: groupcommit.New(groupcommit.Config[entry]{
		Commit:   func(ctx context.Context, entries []entry) []error { return p.send(ctx, name, entries) },
		GivenUp:  func(err error) error { return givenUp(name, err) },
		Size:     func(e entry) int { return e.size },
		MaxItems: awsbatch.MaxEntries, MaxBytes: p.maxSize, MaxCalls: maxCalls, Key: key,
		Patience: patience, Linger: linger,
	})}
}

// send publishes entries on one topic, ten at most, and returns an error for each that is not known to be accepted.
func (p *Publisher) send(ctx context.Context, name string, entries []entry) []error {
	arn, err := p.arns.get(ctx, name)
	if err != nil {
		return onTopic(name, awsbatch.Fill(len(entries), err))
	}
	return onTopic(name, awsbatch.Run(ctx, policy(taskhawk.ErrOutcomeUnknown), entries, func(ctx context.Context, entries []entry) []error {
		return p.call(ctx, arn, entries)
	}))
}

// call is one attempt.
func (p *Publisher) call(ctx context.Context, arn string, entries []entry) []error {
	p.calls.Add(1)
	p.messages.Add(int64(len(entries)))
	batch := make([]types.PublishBatchRequestEntry, len(entries))
	for i, e := range entries {
		batch[i] = e.request(awsbatch.EntryID(i))
	}
	out, err := p.api.PublishBatch(ctx, &sns.PublishBatchInput{TopicArn: &arn, PublishBatchRequestEntries: batch}, once)
	if err != nil {
		return awsbatch.Fill(len(entries), err)
	}
	results := awsbatch.NewResults(len(entries))
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
	switch {
	case errors.Is(err, groupcommit.ErrAbandoned):
		err = fmt.Errorf("%w: %w", taskhawk.ErrOutcomeUnknown, err)
	case errors.Is(err, groupcommit.ErrHeldBack):
		err = taskhawk.ErrHeldBack
	}
	return &TopicError{Topic: name, Err: err}
}

// PublisherConfig tunes a [Publisher]. The zero value is a good default.
type PublisherConfig struct {
	// Account is the number of the account whose topics they are, 12 digits. With it the ARNs of the topics are put together without
	// a call. Default: the topics are looked up by name, once each, which needs the permission sns:ListTopics and one call for every
	// hundred topics of the account.
	Account string
	// Region is the region of the ARNs, with Account. Default: that of the client, where it is an *sns.Client.
	Region string
	// Partition is that of the ARNs, with Account. Default: that of the region, such as "aws" or "aws-cn".
	Partition string
	// Naming returns the names of the topics. Default: [TopicName].
	Naming Naming
	// MaxMessageSize is the size of a message and of a batch of them, in bytes: set it to the attribute MaximumMessageSize of the
	// topics where that was changed, up to 1 MiB. Default: [DefaultMessageSize], 256 KiB. What a subscription without raw delivery puts
	// around a message counts on its queue, too.
	MaxMessageSize int
	// Linger is how long the first message of a batch waits for others. Default 0: not at all; messages that come while a
	// call is in flight share the next one anyway.
	Linger time.Duration
	// MaxAttributes is how many message attributes are sent beside the body, 10 at most: the name of the task and headers. The body has
	// all of them. Default 9, which leaves one for what a tracing agent adds: a subscription with raw delivery drops a message with more
	// than 10.
	MaxAttributes int
}

func (c *PublisherConfig) check() error {
	switch {
	case c.Linger < 0:
		return fmt.Errorf("negative Linger %s", c.Linger)
	case c.MaxMessageSize != 0 && (c.MaxMessageSize < minMessageSize || c.MaxMessageSize > MaxMessageSize):
		return fmt.Errorf("MaxMessageSize %d: a topic takes %d to %d bytes", c.MaxMessageSize, minMessageSize, MaxMessageSize)
	case c.Account == "" && (c.Region != "" || c.Partition != ""):
		return errors.New("a Region or Partition is for ARNs that are put together, and Account is missing")
	case c.Account != "" && (len(c.Account) != 12 || strings.Trim(c.Account, "0123456789") != ""):
		return fmt.Errorf("the Account %q is not a number of 12 digits", c.Account)
	}
	return awsbatch.CheckAttributes(c.MaxAttributes)
}

// arnPrefix is what the ARNs of all topics begin with, "" when they are looked up.
func (c *PublisherConfig) arnPrefix(api PublisherAPI) (string, error) {
	if c.Account == "" {
		return "", nil
	}
	region := c.Region
	if client, ok := api.(interface{ Options() sns.Options }); ok && region == "" {
		region = client.Options().Region
	}
	if region == "" {
		return "", errors.New("the ARNs of the topics need a Region")
	}
	partition := c.Partition
	if partition == "" {
		partition = partitionOf(region)
	}
	return "arn:" + partition + ":sns:" + region + ":" + c.Account + ":", nil
}

// partitionOf follows the names of the regions.
func partitionOf(region string) string {
	for prefix, partition := range map[string]string{
		"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b", "eu-isoe-": "aws-iso-e",
		"us-isof-": "aws-iso-f", "eusc-": "aws-eusc",
	} {
		if strings.HasPrefix(region, prefix) {
			return partition
		}
	}
	return "aws"
}

// entry is a message ready to publish.
type entry struct {
	body          string
	attributes    map[string]types.MessageAttributeValue
	size          int // body and attributes, in bytes
	group         string
	deduplication string
}

// newEntry checks everything that can be checked without the network.
func newEntry(out *taskhawk.Outgoing, fifo bool, maxSize, maxAttributes int) (entry, error) {
	mirror := awsbatch.Mirror(out.Task, out.Headers, maxAttributes, maxSize-len(out.Body))
	e := entry{
		body: out.Body, attributes: make(map[string]types.MessageAttributeValue, len(mirror)), size: len(out.Body), group: out.Group,
	}
	for _, a := range mirror {
		e.attributes[a.Name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(a.Value)}
		e.size += a.Size()
	}
	if out.Delay > 0 {
		return entry{}, &LimitError{
			Task: out.Task, Field: "delay",
			Reason: "is not possible: SNS delivers at once; set DelaySeconds on a subscribed queue, or publish with sqsx",
		}
	}
	message := awsbatch.Message{
		Body: out.Body, Group: out.Group, DeduplicationID: out.DeduplicationID, Size: e.size, MaxSize: maxSize,
		FIFO: fifo, Service: "SNS", Target: "topic",
	}
	if field, reason := message.Check(); field != "" {
		return entry{}, &LimitError{Task: out.Task, Field: field, Reason: reason}
	}
	e.deduplication = message.Deduplication(out.ID)
	return e, nil
}

// request is the entry in a batch.
func (e *entry) request(id *string) types.PublishBatchRequestEntry {
	return types.PublishBatchRequestEntry{
		Id: id, Message: aws.String(e.body), MessageAttributes: e.attributes,
		MessageGroupId: optional(e.group), MessageDeduplicationId: optional(e.deduplication),
	}
}

// optional is nil for an empty text: SNS refuses empty ids.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// PublisherAPI is what a [Publisher] needs of SNS. *sns.Client satisfies it; make that from your aws.Config as usual. The methods
// PublishBatch and ListTopics are those of the client. The IAM actions they need are sns:Publish on the topics, and, unless
// [PublisherConfig] has an Account, sns:ListTopics on all resources, since it can be given for no less.
type PublisherAPI interface {
	PublishBatch(context.Context, *sns.PublishBatchInput, ...func(*sns.Options)) (*sns.PublishBatchOutput, error)
	ListTopics(context.Context, *sns.ListTopicsInput, ...func(*sns.Options)) (*sns.ListTopicsOutput, error)
}

var _ PublisherAPI = (*sns.Client)(nil)

// once keeps the SDK from retrying: the attempts are counted by awsbatch.Run.
func once(o *sns.Options) { o.RetryMaxAttempts = 1 }

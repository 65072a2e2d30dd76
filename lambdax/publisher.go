package lambdax

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/partition"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The limits of SNS that are checked before a call. Source: the API reference of Publish
// and PublishBatch.
const (
	// DefaultMessageSize is the largest size of a message, body and attributes, in bytes,
	// on a topic without MaximumMessageSize. A batch has the same limit.
	DefaultMessageSize = 256 << 10
	// MaxMessageSize is the largest value of MaximumMessageSize.
	MaxMessageSize = awsbatch.MaxMessageSize
)

// Publisher publishes messages to the four topics of an application. The functions and
// queues subscribed to the topics run them. It implements taskhawk.Publisher and
// taskhawk.BatchPublisher and is safe for concurrent use. Make one when the program
// starts and keep it.
//
// Messages share requests by group commit: the first one goes at once. Messages that
// arrive while its call is in flight go together in the next call, up to ten and the size
// limit of the topic. Callers take turns, so that a large batch does not hold up a single
// message. Each Publish still returns when SNS has accepted its own message.
//
// On FIFO topics the messages of a group are sent in order, each after the one before is
// accepted. If one fails, later ones in the same PublishBatch are not sent: their errors
// wrap taskhawk.ErrHeldBack.
//
// SNS accepts messages on a topic without subscriptions, and drops them.
type Publisher struct {
	api     PublisherAPI
	arns    *topicARNs
	batches *awsbatch.Publisher[entry]
	sends   awsbatch.Count
}

var (
	_ taskhawk.BatchPublisher       = (*Publisher)(nil)
	_ taskhawk.DestinationPublisher = (*Publisher)(nil)
)

// system is the name of SNS in OpenTelemetry.
const system = "aws.sns"

// NewPublisher makes a publisher for the topics of an application, such as "dev-myapp".
// It makes no call.
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
	p := &Publisher{api: api, arns: newTopicARNs(api, app, names, prefix)}
	p.batches, err = awsbatch.NewPublisher(awsbatch.Config[entry]{
		Names: names,
		Limits: awsbatch.Limits{
			Service:       "SNS",
			Target:        "topic",
			MaxSize:       cmp.Or(config.MaxMessageSize, DefaultMessageSize),
			MaxAttributes: config.MaxAttributes,
			NoDelay: "is not possible: SNS delivers at once; " +
				"set DelaySeconds on a subscribed queue, or publish with sqsx",
		},
		Linger: config.Linger,
		Entry:  newEntry,
		Calls:  p.calls,
		Wrap:   func(topic string, err error) error { return &TopicError{Topic: topic, Err: err} },
	})
	return p, err
}

// Publish publishes one message. It returns a *taskhawk.LimitError before any call if SNS
// would refuse the message, or if it has a delay, which SNS lacks. It returns a
// [*TopicError] if the message is not known to be accepted. Transient failures are
// retried, with three attempts and 20 s in all. While calls hang or fail, the message
// waits up to 20 s for a call to take it. So Publish returns within 40 s, or when ctx
// ends. If SNS may have accepted the message but gave no answer, the error wraps
// taskhawk.ErrOutcomeUnknown. If ctx has ended, Publish sends nothing.
//
// The call that sends the message serves other callers too: it has no values of ctx, and
// continues after ctx ends.
func (p *Publisher) Publish(ctx context.Context, out *taskhawk.Outgoing) error {
	return p.batches.Publish(ctx, out)
}

// PublishBatch publishes the messages in as few calls as the limits allow, shared with
// other callers. It takes as long as the messages of each topic move: if none of them is
// accepted for 20 s, the others are not sent. The result has an error for each failed
// message, as in Publish. The error wraps a smithy.APIError if SNS refused the entry.
func (p *Publisher) PublishBatch(ctx context.Context, outs []*taskhawk.Outgoing) []error {
	return p.batches.PublishBatch(ctx, outs)
}

// Destination returns the topic of a priority, for dispatch middleware.
func (p *Publisher) Destination(priority taskhawk.Priority) taskhawk.Destination {
	return taskhawk.Destination{System: system, Name: p.batches.Name(priority)}
}

// Stats returns the requests of this publisher, all of them Sends. It may be called at
// any time, concurrently.
func (p *Publisher) Stats() taskhawk.RequestStats {
	return taskhawk.RequestStats{Sends: p.sends.Requests()}
}

// calls returns the function that calls a topic, with retries.
func (p *Publisher) calls(topic string) func(ctx context.Context, entries []entry, done func(err error, items ...int)) {
	send := awsbatch.Observe(taskhawk.Call{System: system, Method: "PublishBatch", Queue: topic}, p.send)
	return func(ctx context.Context, entries []entry, done func(err error, items ...int)) {
		// The look-up is part of the call, which has AllTimeout in all.
		ctx, cancel := context.WithTimeout(ctx, awsbatch.AllTimeout)
		defer cancel()
		arn, err := p.arns.get(ctx, topic)
		if err != nil {
			for i := range entries {
				done(err, i)
			}
			return
		}
		awsbatch.Run(ctx, arn, entries, send, done)
	}
}

func (p *Publisher) send(ctx context.Context, arn string, entries []entry) ([]error, error) {
	p.sends.Add(len(entries))
	batch, ids := make([]types.PublishBatchRequestEntry, len(entries)), awsbatch.EntryIDs(len(entries))
	for i := range entries {
		batch[i] = entries[i].message
		batch[i].Id = &ids[i]
	}
	in := &sns.PublishBatchInput{TopicArn: &arn, PublishBatchRequestEntries: batch}
	out, err := p.api.PublishBatch(ctx, in, once(ctx))
	if err != nil {
		return nil, err
	}
	results := awsbatch.NewResults(len(entries))
	for _, entry := range out.Successful {
		results.Done(entry.Id)
	}
	for _, f := range out.Failed {
		results.Failed(f.Id, f.Code, f.Message, f.SenderFault)
	}
	return results, nil
}

// PublisherConfig tunes a [Publisher]. The zero value is a good default.
type PublisherConfig struct {
	// Account is the 12-digit number of the account of the topics. With it the publisher
	// composes topic ARNs without a call. Default: it looks up each topic once by name,
	// which needs the permission sns:ListTopics and one call for every hundred topics of
	// the account. A topic that is missing is looked up again after a minute.
	Account string
	// Region is the region of the ARNs, with Account. Default: the region of the client
	// if that is an *sns.Client.
	Region string
	// Partition is the partition of the ARNs, with Account. Default: the partition of the
	// region, such as "aws" or "aws-cn".
	Partition string
	// Naming returns the names of the topics. Default: [TopicName].
	Naming Naming
	// MaxMessageSize is the largest size of a message and of a batch, in bytes. Set it to
	// the attribute MaximumMessageSize of the topics if that was changed, up to 1 MiB.
	// Default: [DefaultMessageSize], 256 KiB. On the queue of a subscription without raw
	// delivery, the JSON around the message counts too.
	MaxMessageSize int
	// MaxAttributes is the largest number of attributes of a message, 1 to 10: the name
	// of the task, and headers. The body always has all headers. Default 9, which leaves
	// one for tracing agents.
	MaxAttributes int
	// Linger is how long the first message of a batch waits for others. Default 0:
	// messages that arrive while a call is in flight share the next one anyway.
	Linger time.Duration
}

func (c *PublisherConfig) check() error {
	if c.Account == "" && (c.Region != "" || c.Partition != "") {
		return errors.New("no Account for Region or Partition")
	}
	return awsbatch.CheckAccount(c.Account)
}

// arnPrefix returns the common prefix of all topic ARNs, "" if they are looked up.
func (c *PublisherConfig) arnPrefix(api PublisherAPI) (string, error) {
	if c.Account == "" {
		return "", nil
	}
	region := c.Region
	if client, ok := api.(interface{ Options() sns.Options }); ok && region == "" {
		region = client.Options().Region
	}
	if region == "" {
		return "", errors.New("no Region for the ARNs of the topics")
	}
	return "arn:" + cmp.Or(c.Partition, partition.Of(region)) + ":sns:" + region + ":" + c.Account + ":", nil
}

// entry is a message ready to publish.
type entry struct {
	out     *taskhawk.Outgoing
	message types.PublishBatchRequestEntry
	size    int  // body and attributes, in bytes
	ordered bool // by its group: on a FIFO topic
}

func newEntry(m awsbatch.Message, fifo bool) entry {
	attributes := make(map[string]types.MessageAttributeValue, len(m.Attributes))
	for _, a := range m.Attributes {
		attributes[a.Name] = types.MessageAttributeValue{
			DataType:    aws.String("String"),
			StringValue: aws.String(a.Value),
		}
	}
	return entry{
		out: m.Outgoing,
		message: types.PublishBatchRequestEntry{
			Message:                aws.String(m.Body),
			MessageAttributes:      attributes,
			MessageGroupId:         awsbatch.Optional(m.Group),
			MessageDeduplicationId: awsbatch.Optional(m.DeduplicationID),
		},
		size:    m.Size,
		ordered: fifo,
	}
}

// Size returns the bytes that the entry counts towards the limit of a call.
func (e entry) Size() int { return e.size }

// Observer returns the observer of the hub that dispatched the message.
func (e entry) Observer() taskhawk.Observer { return e.out.Observer() }

// Outgoing returns the message.
func (e entry) Outgoing() *taskhawk.Outgoing { return e.out }

// Group returns the group whose order the entry keeps.
func (e entry) Group() string {
	if !e.ordered {
		return "" // on a standard topic the group names the tenant and does not order
	}
	return aws.ToString(e.message.MessageGroupId)
}

// PublisherAPI is what a [Publisher] needs of SNS. *sns.Client satisfies it; make that
// from your aws.Config as usual. The methods PublishBatch and ListTopics belong to the
// client. The IAM actions they need are sns:Publish on the topics, and, unless
// [PublisherConfig] has an Account, sns:ListTopics on all resources, since it cannot be
// restricted.
type PublisherAPI interface {
	PublishBatch(context.Context, *sns.PublishBatchInput, ...func(*sns.Options)) (*sns.PublishBatchOutput, error)
	ListTopics(context.Context, *sns.ListTopicsInput, ...func(*sns.Options)) (*sns.ListTopicsOutput, error)
}

var _ PublisherAPI = (*sns.Client)(nil)

// once returns the options of a call that is one attempt.
func once(ctx context.Context) func(*sns.Options) {
	return func(o *sns.Options) { o.Retryer, o.HTTPClient = awsbatch.Once(ctx, o.Retryer, o.HTTPClient) }
}

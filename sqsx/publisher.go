package sqsx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// PublisherConfig tunes a [Publisher]. The zero value is a good default.
type PublisherConfig struct {
	// Account is the number of the account that owns the queues, 12 digits: the queues'
	// policies must let the caller's account call sqs:GetQueueUrl and sqs:SendMessage.
	// Default: the caller's own account.
	Account string
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
	// MaxMessageSize is the largest size of a message and of a call, in bytes, 1 KiB to 1
	// MiB. Set it to the MaximumMessageSize of the queues if that is lower, or to the
	// limit of an emulator or proxy. Default: [MaxMessageSize], 1 MiB.
	MaxMessageSize int
	// MaxAttributes is how many attributes a message has at most, 1 to 10: the task's
	// name and as many headers. The body always has all headers. Default 9: one is left
	// for tracing agents, which add their own.
	MaxAttributes int
	// Linger is how long the first message of a batch waits for others. Default 0: no
	// wait. Messages that arrive while a call is in flight share the next one anyway. A
	// few milliseconds save requests if many goroutines dispatch now and then.
	Linger time.Duration
}

// The limits of SQS that are checked before a call. Source: the API reference of
// SendMessage, SendMessageBatch and ChangeMessageVisibility, and "Amazon SQS quotas".
const (
	// MaxMessageSize is the largest size of a message, body and attributes, and of a
	// batch, in bytes. A queue may have a lower limit.
	MaxMessageSize = awsbatch.MaxMessageSize
	// MaxDelay is the longest delay of a message.
	MaxDelay = 15 * time.Minute
	// MaxVisibility is the longest visibility timeout, and the longest time from a
	// receive to the end of the last extension.
	MaxVisibility = 12 * time.Hour
)

// Publisher puts messages on the four queues of an application. It implements
// taskhawk.Publisher and taskhawk.BatchPublisher and is safe for concurrent use.
//
// Messages share requests by group commit. The first message is sent at once. Messages
// that arrive while its call is in flight share the next call, up to ten and 1 MiB.
// Callers take turns, so that a large batch does not delay a single message. Each
// Publish returns when SQS has stored its message.
//
// On FIFO queues, each message of a group is sent after SQS has stored the one before.
// If a message fails, the later ones of its group in the same PublishBatch are not
// sent, and their errors wrap taskhawk.ErrHeldBack.
type Publisher struct {
	service *service
	app     string
	naming  Naming
	batches *awsbatch.Publisher[entry]
	misses  awsbatch.Misses[map[string]bool] // which queues existed when one was missing
}

var (
	_ taskhawk.BatchPublisher       = (*Publisher)(nil)
	_ taskhawk.DestinationPublisher = (*Publisher)(nil)
)

// NewPublisher makes a publisher for the queues of an application, such as "dev-myapp".
// It makes no call: queue URLs are looked up when they are first needed, once each.
func NewPublisher(api API, app string, config PublisherConfig) (*Publisher, error) {
	p, err := newPublisher(api, app, config)
	if err != nil {
		return nil, fmt.Errorf("sqsx: new publisher: %w", err)
	}
	return p, nil
}

func newPublisher(api API, app string, config PublisherConfig) (*Publisher, error) {
	if nilcheck.IsNil(api) {
		return nil, errors.New("nil API")
	}
	if err := awsbatch.CheckAccount(config.Account); err != nil {
		return nil, err
	}
	names, err := config.Naming.names(app, nil)
	if err != nil {
		return nil, err
	}
	p := &Publisher{service: newService(api, config.Account), app: app, naming: config.Naming}
	p.batches, err = awsbatch.NewPublisher(awsbatch.Config[entry]{
		Names:  names,
		Limits: config.limits(),
		Linger: config.Linger,
		Entry:  newEntry,
		Calls:  p.calls,
		Wrap:   inQueue,
	})
	return p, err
}

// limits returns the limits of SQS, or the lower ones of the configuration.
func (c *PublisherConfig) limits() awsbatch.Limits {
	return awsbatch.Limits{
		Service:       "SQS",
		Target:        "queue",
		MaxSize:       cmp.Or(c.MaxMessageSize, MaxMessageSize),
		MaxAttributes: c.MaxAttributes,
		MaxDelay:      MaxDelay,
	}
}

// SendMessageInput returns the request with which a [Publisher] would send out to the
// queue of that URL. It is for services that call SQS for a program, such as
// EventBridge Scheduler. It uses MaxMessageSize and MaxAttributes of config, and makes
// no call. The error wraps a *taskhawk.LimitError if SQS would refuse the message.
func SendMessageInput(
	out *taskhawk.Outgoing, queueURL string, config PublisherConfig,
) (*sqs.SendMessageInput, error) {
	limits := config.limits()
	if err := limits.Check(); err != nil {
		return nil, fmt.Errorf("sqsx: send message input: %w", err)
	}
	fifo := awsbatch.IsFIFO(queueURL)
	m, err := limits.Message(out, fifo)
	if err != nil {
		return nil, fmt.Errorf("sqsx: send message input: %w", err)
	}
	e := newEntry(m, fifo)
	in := e.request(nil)
	return &sqs.SendMessageInput{
		QueueUrl:                aws.String(queueURL),
		MessageBody:             in.MessageBody,
		MessageAttributes:       in.MessageAttributes,
		MessageSystemAttributes: in.MessageSystemAttributes,
		DelaySeconds:            in.DelaySeconds,
		MessageGroupId:          in.MessageGroupId,
		MessageDeduplicationId:  in.MessageDeduplicationId,
	}, nil
}

// Publish sends one message. It returns a *taskhawk.LimitError before any call if SQS
// would refuse the message. The error wraps a [*QueueError] if the message is not known
// to be stored, and also taskhawk.ErrOutcomeUnknown if SQS may have stored it. If the
// queue does not exist, the error says which queues of the application do. Transient
// failures are retried: three attempts and 20 s in all. While calls hang or fail, the
// message waits up to 20 s for a call to take it. So Publish returns within 40 s, or when
// ctx ends. If ctx has ended, nothing is sent.
//
// The call may serve other callers too: it has no values of ctx, and goes on when ctx ends.
func (p *Publisher) Publish(ctx context.Context, out *taskhawk.Outgoing) error {
	return p.batches.Publish(ctx, out)
}

// PublishBatch sends the messages in as few calls as the limits allow, shared with other
// callers. It takes as long as the messages of each queue move: if none of them is stored
// for 20 s, the others are not sent. The result has an error for each failed message, as
// in Publish. The error wraps a smithy.APIError if SQS refused the entry.
func (p *Publisher) PublishBatch(ctx context.Context, outs []*taskhawk.Outgoing) []error {
	return p.batches.PublishBatch(ctx, outs)
}

// calls returns the function that sends messages to a queue. The error of a missing queue
// names the queues that exist.
func (p *Publisher) calls(queue string) func(context.Context, []entry, func(error, ...int)) {
	return p.service.sends(queue, func(ctx context.Context, err error) error {
		if !sqsqueue.IsMissing(err) {
			return err
		}
		known, ok := p.misses.Get(queue)
		if !ok {
			known = map[string]bool{queue: false}
		}
		exists, err := p.service.explain(ctx, p.app, p.naming, err, known)
		if exists != nil { // SQS has answered
			p.misses.Keep(queue, exists)
		}
		return err
	})
}

// Destination returns the queue of a priority, for dispatch middleware.
func (p *Publisher) Destination(priority taskhawk.Priority) taskhawk.Destination {
	return taskhawk.Destination{System: system, Name: p.batches.Name(priority)}
}

// Stats counts the requests of this publisher. It may be called at any time,
// concurrently.
func (p *Publisher) Stats() taskhawk.RequestStats { return p.service.counts.stats() }

// entry is a message ready to send.
type entry struct {
	out           *taskhawk.Outgoing // nil for a dead letter
	observer      taskhawk.Observer
	body          string
	attributes    map[string]types.MessageAttributeValue
	trace         string // of X-Ray
	size          int    // body and attributes, in bytes
	delay         int32
	group         string
	deduplication string
	ordered       bool // by its group: on a FIFO queue
}

func newEntry(m awsbatch.Message, fifo bool) entry {
	e := entry{
		out:           m.Outgoing,
		observer:      m.Outgoing.Observer(),
		body:          m.Body,
		attributes:    make(map[string]types.MessageAttributeValue, len(m.Attributes)),
		trace:         m.Trace,
		size:          m.Size,
		delay:         seconds(m.Delay),
		group:         m.Group,
		deduplication: m.DeduplicationID,
		ordered:       fifo,
	}
	text := aws.String("String")
	for i := range m.Attributes {
		a := &m.Attributes[i]
		e.attributes[a.Name] = types.MessageAttributeValue{DataType: text, StringValue: &a.Value}
	}
	return e
}

// Size returns the bytes that the entry counts towards the limit of a call.
func (e entry) Size() int { return e.size }

// Group returns the group whose order the entry keeps, "" for none.
func (e entry) Group() string {
	if !e.ordered {
		return "" // the group of a standard queue names the tenant, and orders nothing
	}
	return e.group
}

// Observer returns the observer of the hub that dispatched the message.
func (e entry) Observer() taskhawk.Observer { return e.observer }

// Outgoing returns the message, nil for a dead letter.
func (e entry) Outgoing() *taskhawk.Outgoing { return e.out }

func (entry) receiptHandle() string { return "" }

// request returns the entry for a batch call. It points into e and copies nothing.
func (e entry) request(id *string) types.SendMessageBatchRequestEntry {
	request := types.SendMessageBatchRequestEntry{
		Id:                     id,
		MessageBody:            &e.body,
		MessageAttributes:      e.attributes,
		DelaySeconds:           e.delay,
		MessageGroupId:         awsbatch.Optional(e.group),
		MessageDeduplicationId: awsbatch.Optional(e.deduplication),
	}
	if e.trace != "" {
		request.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
			string(types.MessageSystemAttributeNameForSendsAWSTraceHeader): {
				DataType: aws.String("String"), StringValue: aws.String(e.trace),
			},
		}
	}
	return request
}

func stringAttribute(value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
}

// seconds rounds up to whole seconds, the unit of SQS.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

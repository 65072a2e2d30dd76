package sqsx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// PublisherConfig tunes a [Publisher]. The zero value is a good default.
type PublisherConfig struct {
	// Account is the number of the account that owns the queues, 12 digits: the queues' policies must let the caller's account
	// call sqs:GetQueueUrl and sqs:SendMessage. Default: the caller's own account.
	Account string
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
	// Linger is how long the first message of a batch waits for others. Default 0: not at all; messages that come while a
	// call is in flight share the next one anyway. A few milliseconds save requests where many goroutines dispatch now and
	// then.
	Linger time.Duration
	// MaxMessageSize is the size of a message and of a batch of them, attributes included, in bytes: set it where the queues, an
	// emulator or a proxy take less than SQS does. Default: 1 MiB ([MaxMessageSize]). A batch that is refused for its size all the same
	// is sent again in halves.
	MaxMessageSize int
	// MaxAttributes is how many message attributes are sent beside the body, 10 at most: the name of the task and headers. The body has
	// all of them. Default 9, which leaves one for what a tracing agent adds.
	MaxAttributes int
}

// check returns the configuration with its defaults.
func (c PublisherConfig) check() (PublisherConfig, error) {
	switch {
	case c.Linger < 0:
		return c, fmt.Errorf("negative Linger %s", c.Linger)
	case c.MaxMessageSize != 0 && (c.MaxMessageSize < minMessageSize || c.MaxMessageSize > MaxMessageSize):
		return c, fmt.Errorf("MaxMessageSize %d: a queue takes %d to %d bytes", c.MaxMessageSize, minMessageSize, MaxMessageSize)
	}
	c.MaxMessageSize = cmp.Or(c.MaxMessageSize, MaxMessageSize)
	if err := awsbatch.CheckAttributes(c.MaxAttributes); err != nil {
		return c, err
	}
	c.MaxAttributes = cmp.Or(c.MaxAttributes, awsbatch.DefaultAttributes)
	return c, sqsqueue.CheckAccount(c.Account)
}

// minMessageSize is the smallest MaximumMessageSize of a queue.
const minMessageSize = 1 << 10

// Publisher puts messages on the four queues of an application. It implements taskhawk.Publisher and
// taskhawk.BatchPublisher and is safe for concurrent use.
//
// Messages share requests by group commit: the first one goes at once, and those that come while its call is in flight go
// together in the next, up to ten and 1 MiB. Each Publish still returns when SQS has stored its own message.
type Publisher struct {
	service *service
	config  PublisherConfig
	queues  map[taskhawk.Priority]*outbox
}

// outbox is where the messages for one queue gather.
type outbox struct {
	name   string
	commit *groupcommit.Committer[entry]
}

var _ taskhawk.BatchPublisher = (*Publisher)(nil)

// maxCalls is how many full batches may be in flight at once for one queue: SQS answers in some 10 ms, so that is up to
// 8,000 messages a second.
const maxCalls = 8

// patience is how long a message waits for a call in flight before it gets another: a call takes some 10 ms, unless it hangs.
const patience = 50 * time.Millisecond

// mostCalls is the limit for calls whose number grows with the concurrency of a worker.
const mostCalls = 256

// NewPublisher makes a publisher for the queues of an application, such as "dev-myapp". It makes no call: queue URLs are
// looked up when they are first needed, once each.
func NewPublisher(api API, app string, config PublisherConfig) (*Publisher, error) {
	if nilcheck.IsNil(api) {
		return nil, errors.New("sqsx: new publisher: nil API")
	}
	config, err := config.check()
	if err != nil {
		return nil, fmt.Errorf("sqsx: new publisher: %w", err)
	}
	names, err := config.Naming.names(app, nil)
	if err != nil {
		return nil, fmt.Errorf("sqsx: new publisher: %w", err)
	}
	p := &Publisher{service: newService(api, config.Account), config: config, queues: map[taskhawk.Priority]*outbox{}}
	for priority, name := range names {
		p.queues[priority] = p.outbox(name)
	}
	return p, nil
}

// Publish sends one message. It returns a [*LimitError] before any call when SQS would refuse the message, and a
// [*QueueError] when it is not known to be stored. Failures that may pass are retried, three attempts and 20 s in all. When
// SQS may have stored the message though no answer said so, the error wraps taskhawk.ErrOutcomeUnknown.
func (p *Publisher) Publish(ctx context.Context, out *taskhawk.Outgoing) error {
	box, e, err := p.place(out)
	if err != nil {
		return err
	}
	return box.commit.Do(ctx, e)
}

// PublishBatch sends the messages in as few calls as the limits allow, together with those of others. The result has an error for
// each message that failed, as Publish gives it; what SQS refused for an entry is an [*EntryError] in it.
func (p *Publisher) PublishBatch(ctx context.Context, outs []*taskhawk.Outgoing) []error {
	spread := groupcommit.NewSpread[entry](len(outs))
	for i, out := range outs {
		box, e, err := p.place(out)
		if err != nil {
			spread.Fail(i, err)
			continue
		}
		spread.Add(i, box.commit, e)
	}
	return spread.Send(ctx)
}

// Stats counts the requests of this publisher. It may be called at any time, concurrently.
func (p *Publisher) Stats() RequestStats { return p.service.counts.stats() }

// place returns what to send, and where.
func (p *Publisher) place(out *taskhawk.Outgoing) (*outbox, entry, error) {
	box := p.queues[out.Priority]
	if box == nil {
		return nil, entry{}, fmt.Errorf("%w: %s", taskhawk.ErrUnknownPriority, out.Priority)
	}
	e, err := newEntry(out, sqsqueue.IsFIFO(box.name), p.config)
	return box, e, err
}

func (p *Publisher) outbox(name string) *outbox {
	var key func(e entry) string
	if sqsqueue.IsFIFO(name) { // elsewhere a group is a tenant, whose messages have no order
		key = func(e entry) string { return e.group }
	}
	return &outbox{name: name, commit: groupcommit.New(groupcommit.Config[entry]{
		Commit:   func(ctx context.Context, entries []entry) []error { return p.service.send(ctx, name, entries) },
		GivenUp:  func(err error) error { return givenUp(name, err) },
		Size:     func(e entry) int { return e.size },
		MaxItems: awsbatch.MaxEntries, MaxBytes: p.config.MaxMessageSize, MaxCalls: maxCalls, Key: key,
		Patience: patience, Linger: p.config.Linger,
	})}
}

// givenUp is the error of a message whose sender did not wait for the answer, or whose call broke.
func givenUp(queue string, err error) error {
	switch {
	case errors.Is(err, groupcommit.ErrAbandoned):
		err = fmt.Errorf("%w: %w", taskhawk.ErrOutcomeUnknown, err)
	case errors.Is(err, groupcommit.ErrHeldBack):
		err = taskhawk.ErrHeldBack
	}
	return &QueueError{Queue: queue, Err: err}
}

// entry is a message ready to send.
type entry struct {
	body          string
	attributes    map[string]types.MessageAttributeValue
	size          int // body and attributes, in bytes
	delay         int32
	group         string
	deduplication string
	trace         string // the X-Ray trace header; empty for none
}

// newEntry checks everything that can be checked without the network.
func newEntry(out *taskhawk.Outgoing, fifo bool, config PublisherConfig) (entry, error) {
	mirror := awsbatch.Mirror(out.Task, out.Headers, config.MaxAttributes, config.MaxMessageSize-len(out.Body))
	e := entry{
		body: out.Body, attributes: make(map[string]types.MessageAttributeValue, len(mirror)), size: len(out.Body),
		group: out.Group,
	}
	for _, a := range mirror {
		e.attributes[a.Name] = stringAttribute(a.Value)
		e.size += a.Size()
	}
	message := awsbatch.Message{
		Body: out.Body, Group: out.Group, DeduplicationID: out.DeduplicationID, Size: e.size, MaxSize: config.MaxMessageSize,
		FIFO: fifo, Service: "SQS", Target: "queue",
	}
	if field, reason := message.Check(); field != "" {
		return entry{}, &LimitError{Task: out.Task, Field: field, Reason: reason}
	}
	if reason := refuseDelay(out.Delay, fifo); reason != "" {
		return entry{}, &LimitError{Task: out.Task, Field: "delay", Reason: reason}
	}
	e.trace = traceHeader(out.Headers)
	e.deduplication = message.Deduplication(out.ID)
	e.delay = seconds(out.Delay)
	return e, nil
}

// refuseDelay says why SQS would refuse the delay, "" if it does not.
func refuseDelay(delay time.Duration, fifo bool) string {
	switch {
	case delay > MaxDelay:
		return fmt.Sprintf("is %s, the limit is %s", delay, MaxDelay)
	case fifo && delay > 0:
		return "is not possible per message on a FIFO queue"
	}
	return ""
}

// request is the entry in a batch.
func (e *entry) request(id *string) types.SendMessageBatchRequestEntry {
	return types.SendMessageBatchRequestEntry{
		Id: id, MessageBody: aws.String(e.body), MessageAttributes: e.attributes, DelaySeconds: e.delay,
		MessageGroupId: optional(e.group), MessageDeduplicationId: optional(e.deduplication),
		MessageSystemAttributes: e.systemAttributes(),
	}
}

// systemAttributes are the trace header, which counts for the message: that of the HTTP request would count for all of its batch.
func (e *entry) systemAttributes() map[string]types.MessageSystemAttributeValue {
	if e.trace == "" {
		return nil
	}
	return map[string]types.MessageSystemAttributeValue{
		string(types.MessageSystemAttributeNameForSendsAWSTraceHeader): {
			DataType: aws.String("String"), StringValue: aws.String(e.trace),
		},
	}
}

// traceHeader is the value of the header of X-Ray, in any case of letters; empty for none, and for one that SQS would refuse.
func traceHeader(headers taskhawk.Headers) string {
	for name, value := range headers {
		if strings.EqualFold(name, "X-Amzn-Trace-Id") && awsbatch.ValidAttributeValue(value) {
			return value
		}
	}
	return ""
}

func stringAttribute(value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
}

// optional is nil for an empty text: SQS refuses empty ids.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

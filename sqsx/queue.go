package sqsx

import (
	"context"
	"crypto/md5" //nolint:gosec // the checksum that SQS sends, not for security
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// queue is one SQS queue for the worker loop.
type queue struct {
	*settlements

	info        taskhawk.QueueInfo
	maxReceives int // of the queue's redrive policy; 0 for none or unknown. open sets it, before the first Receive
	logger      *slog.Logger
}

var _ taskhawk.Queue = (*queue)(nil)

func newQueue(s *service, info taskhawk.QueueInfo, config WorkerConfig, hub *taskhawk.Hub) *queue {
	q := &queue{
		settlements: newSettlements(s, info.Name, config.Linger, config.changeCalls(hub)),
		info:        info, logger: hub.Logger(),
	}
	q.observer = hub.Observer()
	return q
}

// Info describes the queue.
func (q *queue) Info() taskhawk.QueueInfo { return q.info }

// open looks up the queue, and reads its redrive policy if the caller may.
func (q *queue) open(ctx context.Context) error {
	url, err := q.service.urls.get(ctx, q.info.Name)
	if err != nil {
		return err
	}
	api, ok := q.service.api.(sqsqueue.AttributesAPI)
	if !ok {
		return nil
	}
	attributes, err := sqsqueue.Get(ctx, api, url, types.QueueAttributeNameRedrivePolicy)
	if err != nil {
		// Workers with least privilege lack this permission, and their tasks run
		// nevertheless.
		q.logger.LogAttrs(ctx, slog.LevelDebug, "redrive policy unknown; no warnings at last attempts",
			slog.String("queue", q.info.Name), guard.ErrorAttr(err))
		return nil
	}
	if policy, err := attributes.RedrivePolicy(); err == nil && policy != nil {
		q.maxReceives = policy.MaxReceiveCount
	}
	return nil
}

// Receive makes one long poll. It is not retried here: the loop has its own backoff.
func (q *queue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+awsbatch.CallTimeout)
	defer cancel()
	url, err := q.service.urls.get(ctx, q.info.Name)
	if err != nil {
		return nil, err
	}
	ctx, end := q.observeReceive(ctx)
	out, err := awsbatch.Invoke(ctx, q.service.api.ReceiveMessage, &sqs.ReceiveMessageInput{
		QueueUrl:                    url,
		MaxNumberOfMessages:         int32(min(limit, awsbatch.MaxEntries)),
		WaitTimeSeconds:             int32(wait / time.Second), // rounded down: a poll must not outlast wait
		VisibilityTimeout:           seconds(q.info.Visibility),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		// Services that are not SQS may know only the older name, and would leave out the
		// receive count.
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}, //nolint:staticcheck // see above
	}, receiveOptions(ctx))
	if err != nil {
		end(0, err)
		q.service.counts.receives.Add(0)
		return nil, &QueueError{Queue: q.info.Name, Err: err}
	}
	end(len(out.Messages), nil)
	q.service.counts.receives.Add(len(out.Messages))
	if len(out.Messages) == 0 {
		q.service.counts.emptyReceives.Add(1)
	}
	return q.deliveries(ctx, out.Messages), nil
}

// observeReceive begins the observation of a receive.
func (q *queue) observeReceive(ctx context.Context) (context.Context, func(messages int, err error)) {
	if q.observer == nil {
		return ctx, func(int, error) {}
	}
	return q.observer.Call(ctx, &taskhawk.Call{
		Operation: taskhawk.OperationReceive, System: system, Method: "ReceiveMessage", Queue: q.info.Name,
	})
}

func (q *queue) deliveries(ctx context.Context, messages []types.Message) []*taskhawk.Delivery {
	now := time.Now()
	deliveries, memory := make([]*taskhawk.Delivery, 0, len(messages)), make([]taskhawk.Delivery, len(messages))
	var attributes map[string]string
	for i, message := range messages {
		if !intact(message) {
			q.service.counts.damaged.Add(1)
			q.logger.LogAttrs(ctx, slog.LevelError, "damaged message; left for another delivery",
				slog.String("queue", q.info.Name), slog.String("message_id", aws.ToString(message.MessageId)))
			continue
		}
		attributes = awsbatch.Texts(message.MessageAttributes, textOf, attributes)
		d := &memory[i]
		*d = newDelivery(message, attributes, q.info.Name, now)
		d.Settler, d.MaxAttempts = q, q.maxReceives
		deliveries = append(deliveries, d)
	}
	return deliveries
}

// settlements settles the messages of one queue, in requests that they share.
type settlements struct {
	service  *service
	queue    string
	observer taskhawk.Observer // of the worker's hub; nil for none, and where a context names the hub
	deletes  *groupcommit.Committer[receipt]
	changes  *groupcommit.Committer[visibility]
	letters  *groupcommit.Committer[entry]
}

// newSettlements makes up to changeCalls calls that change visibility timeouts at once,
// and up to awsbatch.MaxCalls of the other kinds.
func newSettlements(service *service, queue string, linger time.Duration, changeCalls int) *settlements {
	letters := DeadLetterQueueName(queue)
	return &settlements{
		service: service,
		queue:   queue,
		deletes: shared(service, linger, groupcommit.Config[receipt]{
			Commit:   service.deletes(queue),
			MaxCalls: awsbatch.MaxCalls,
		}),
		changes: shared(service, 0, groupcommit.Config[visibility]{
			Commit:   service.changes(queue),
			MaxCalls: changeCalls,
		}),
		letters: shared(service, linger, groupcommit.Config[entry]{
			Commit:   service.sends(letters, nil),
			MaxBytes: MaxMessageSize,
			MaxCalls: awsbatch.MaxCalls,
		}),
	}
}

// settleLinger is the longest time that a settlement waits for others by default. It
// waits half as long as the last request took, so that handlers that end at different
// times still share a request.
const settleLinger = 10 * time.Millisecond

// mostCalls limits the calls whose number grows with the concurrency of a worker.
const mostCalls = 256

// shared returns a committer of the calls in config, with the settings that all
// settlements share.
func shared[T groupcommit.Item](
	service *service, linger time.Duration, config groupcommit.Config[T],
) *groupcommit.Committer[T] {
	config.MaxItems, config.Patience, config.Go = awsbatch.MaxEntries, awsbatch.Patience, service.calls.Go
	config.MaxWait = awsbatch.AllTimeout
	config.Linger = func(last time.Duration) time.Duration {
		if linger > 0 {
			return linger
		}
		return min(settleLinger, last/2)
	}
	return groupcommit.New(config)
}

// Delete deletes the message, in one request with others. See [Settler.Delete].
func (s *settlements) Delete(ctx context.Context, d *taskhawk.Delivery) error {
	return s.deletes.Do(ctx, receipt{observed{s.observerOf(ctx)}, d.Receipt})
}

// observerOf returns the observer of a settlement: for a [Settler], the observer of the
// hub in the context.
func (s *settlements) observerOf(ctx context.Context) taskhawk.Observer {
	if hub := taskhawk.HubFrom(ctx); s.observer == nil && hub != nil {
		return hub.Observer()
	}
	return s.observer
}

// SetVisibility changes the visibility timeout of the message, in one request with
// others. See [Settler.SetVisibility].
func (s *settlements) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	if timeout < 0 || timeout > MaxVisibility {
		return fmt.Errorf("visibility timeout %s: SQS takes 0 to %s", timeout, MaxVisibility)
	}
	err := s.changes.Do(ctx, visibility{observed{s.observerOf(ctx)}, d.Receipt, timeout})
	if lost(err) {
		err = fmt.Errorf("%w: %w", taskhawk.ErrVisibilityLost, err)
	}
	return err
}

// MessageFrom returns the SQS message of the running handler, with its message
// attributes and system attributes. It returns false outside of a handler of an SQS
// worker. Do not delete the message: the worker does.
func MessageFrom(ctx context.Context) (types.Message, bool) {
	d := taskhawk.DeliveryFrom(ctx)
	if d == nil {
		return types.Message{}, false
	}
	return messageOf(d)
}

// messageOf returns the message that d was made from, and false if sqsx did not make it.
func messageOf(d *taskhawk.Delivery) (types.Message, bool) {
	message, ok := d.Raw.(types.Message)
	if ok && message.MessageAttributes == nil && len(d.Attributes) > 0 {
		message.MessageAttributes = make(map[string]types.MessageAttributeValue, len(d.Attributes))
		for name, value := range d.Attributes {
			message.MessageAttributes[name] = stringAttribute(value)
		}
	}
	return message, ok
}

// onlyStrings reports whether all attributes have the type String, as those of this
// library have.
func onlyStrings(attributes map[string]types.MessageAttributeValue) bool {
	for _, a := range attributes {
		if a.StringValue == nil || aws.ToString(a.DataType) != "String" {
			return false
		}
	}
	return true
}

func newDelivery(
	message types.Message, attributes map[string]string, queue string, received time.Time,
) taskhawk.Delivery {
	attempt, err := strconv.Atoi(message.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil {
		attempt = 1
	}
	if onlyStrings(message.MessageAttributes) {
		message.MessageAttributes = nil // the delivery has them: 1 KB less for a message in flight
	}
	return taskhawk.Delivery{
		Body:       aws.ToString(message.Body),
		Attributes: attributes,
		MessageID:  aws.ToString(message.MessageId),
		Queue:      queue,
		Receipt:    aws.ToString(message.ReceiptHandle),
		Attempt:    attempt,
		Group:      message.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)],
		Sent:       sentAt(message),
		Received:   received,
		LeaseEnds:  received.Add(MaxVisibility),
		Raw:        message,
	}
}

// sentAt returns when SQS stored the message, zero if SQS does not say.
func sentAt(message types.Message) time.Time {
	ms, err := strconv.ParseInt(message.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// textOf returns the text of an attribute, nil for a binary one.
func textOf(a types.MessageAttributeValue) *string { return a.StringValue }

// maxResponse is the largest response that is read, in bytes: more than ten messages of 1
// MiB with escapes. The SDK has no limit.
const maxResponse = 64 << 20

// receiveOptions returns the options of a receive. It has one attempt, since the loop has
// its own backoff, and reads no more than maxResponse bytes. It does not check all
// bodies together, since a bad one would lose nine good messages: intact checks each.
func receiveOptions(ctx context.Context) func(*sqs.Options) {
	return func(o *sqs.Options) {
		once(ctx)(o)
		o.DisableMessageChecksumValidation = true
		o.HTTPClient = boundedClient{o.HTTPClient}
	}
}

// intact reports whether the body matches its MD5, or has none.
func intact(message types.Message) bool {
	if message.MD5OfBody == nil {
		return true
	}
	sum := md5.Sum([]byte(aws.ToString(message.Body))) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:]) == *message.MD5OfBody
}

// boundedClient limits the bodies of responses. It refuses a larger Content-Length,
// which SQS sends, before it reads the body.
type boundedClient struct{ sqs.HTTPClient }

// Do makes the request.
func (c boundedClient) Do(req *http.Request) (*http.Response, error) {
	response, err := c.HTTPClient.Do(req)
	if err != nil || response.Body == nil {
		return response, err //nolint:wrapcheck // the error of the inner client says enough
	}
	if response.ContentLength > maxResponse {
		_ = response.Body.Close() // the answer is refused in any case
		return nil, errTooLarge
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: maxResponse}
	return response, nil
}

// errTooLarge is the error for a response of more than maxResponse bytes.
var errTooLarge = errors.New("the answer of SQS is larger than 64 MiB")

type boundedBody struct {
	io.ReadCloser
	left int
}

// Read reads within the bound.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

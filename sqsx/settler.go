package sqsx

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Settler settles messages that another program received, such as Lambda: see
// lambdax.SQSConfig. It changes visibility timeouts, stores copies of messages on the
// dead-letter queue of their queue, and deletes messages, in requests that concurrent
// calls share. It is safe for concurrent use, and keeps nothing of a message after a
// call.
//
// It needs sqs:GetQueueUrl and sqs:ChangeMessageVisibility on the queues,
// sqs:DeleteMessage for dead letters, and sqs:GetQueueUrl and sqs:SendMessage on the
// dead-letter queues: see sqscheck.RoleFunction.
type Settler struct {
	service *service

	mu     sync.Mutex
	queues map[string]*settlements
}

var _ taskhawk.Settler = (*Settler)(nil)

// SettlerConfig tunes a [Settler]. The zero value is a good default.
type SettlerConfig struct {
	// Account is the number of the AWS account that owns the queues and their dead-letter
	// queues, 12 digits. Default: the account of the caller.
	Account string
}

// NewSettler makes a settler for deliveries of any queue of an account. It makes no call:
// queue URLs are looked up when they are first needed, once each.
func NewSettler(api API, config SettlerConfig) (*Settler, error) {
	if nilcheck.IsNil(api) {
		return nil, errors.New("sqsx: new settler: nil API")
	}
	if err := awsbatch.CheckAccount(config.Account); err != nil {
		return nil, fmt.Errorf("sqsx: new settler: %w", err)
	}
	return &Settler{service: newService(api, config.Account), queues: map[string]*settlements{}}, nil
}

// SetVisibility changes the visibility timeout of the message, 0 to 12 h, in whole
// seconds, rounded up. The error wraps taskhawk.ErrVisibilityLost when the message is no
// longer in flight with this receipt handle.
func (s *Settler) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	return s.of(d).SetVisibility(ctx, d, timeout)
}

// DeadLetter stores a copy of the message on the dead-letter queue of its queue. The
// copy also has taskhawk_reason and taskhawk_attempt, and taskhawk_task if the message
// has none, as far as they fit into the limits of SQS. The message itself stays in
// flight; delete it next. After a crash in between it is on both queues.
//
// The error wraps taskhawk.ErrOutcomeUnknown if SQS may have stored the copy.
func (s *Settler) DeadLetter(ctx context.Context, d *taskhawk.Delivery, letter taskhawk.DeadLetter) error {
	return s.of(d).DeadLetter(ctx, d, letter)
}

// Delete deletes the message from its queue. SQS guarantees that only for the latest
// receipt handle of a message.
func (s *Settler) Delete(ctx context.Context, d *taskhawk.Delivery) error {
	return s.of(d).Delete(ctx, d)
}

// Stats counts the requests of this settler. It may be called at any time, concurrently.
func (s *Settler) Stats() taskhawk.RequestStats { return s.service.counts.stats() }

func (s *Settler) of(d *taskhawk.Delivery) *settlements {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, ok := s.queues[d.Queue]
	if !ok {
		queue = newSettlements(s.service, d.Queue, 0, awsbatch.MaxCalls)
		s.queues[d.Queue] = queue
	}
	return queue
}

// DeadLetter stores a copy of the message on the dead-letter queue, in one request with
// others. See [Settler.DeadLetter].
func (s *settlements) DeadLetter(ctx context.Context, d *taskhawk.Delivery, letter taskhawk.DeadLetter) error {
	e := newLetter(d, letter, sqsqueue.IsFIFO(s.queue))
	e.observer = s.observerOf(ctx)
	if err := s.letters.Do(ctx, e); err != nil {
		return fmt.Errorf("dead letter: %w", inQueue(DeadLetterQueueName(s.queue), awsbatch.CoreError(err)))
	}
	return nil
}

// newLetter makes the dead letter of a message, within the limits of SQS.
func newLetter(d *taskhawk.Delivery, letter taskhawk.DeadLetter, fifo bool) entry {
	e := entry{body: d.Body, size: len(d.Body), group: d.Group, ordered: fifo}
	if fifo {
		e.deduplication = d.MessageID // a letter that is sent again is stored once
	}
	own := ownAttributes(d)
	added := letterAttributes(own, letter)
	e.attributes = firstAttributes(own, awsbatch.MaxAttributes-len(added))
	for name, value := range e.attributes {
		e.size += attributeSize(name, value)
	}
	// A message near the size limit has no room for all of them: fit first shortens the
	// reason, then leaves out the least important attributes.
	for _, a := range fit(added, MaxMessageSize-e.size) {
		e.attributes[a.Name] = stringAttribute(a.Value)
		e.size += a.Size()
	}
	return e
}

// ownAttributes returns the attributes of the message itself: of all types if sqsx
// received it, else the texts only. Those of an earlier dead letter are left out.
func ownAttributes(d *taskhawk.Delivery) map[string]types.MessageAttributeValue {
	attributes := make(map[string]types.MessageAttributeValue, len(d.Attributes))
	if message, ok := messageOf(d); ok {
		maps.Copy(attributes, message.MessageAttributes)
	} else {
		for name, value := range d.Attributes {
			if awsbatch.ValidAttributeName(name) && awsbatch.ValidAttributeValue(value) {
				attributes[name] = stringAttribute(value)
			}
		}
	}
	delete(attributes, awsbatch.AttributeReason)
	delete(attributes, awsbatch.AttributeAttempt)
	return attributes
}

// letterAttributes returns the attributes that a dead letter adds to its message, the
// most important first. The sender's own taskhawk_task stays.
func letterAttributes(own map[string]types.MessageAttributeValue, letter taskhawk.DeadLetter) []awsbatch.Attribute {
	added := []awsbatch.Attribute{
		{Name: awsbatch.AttributeReason, Value: cleanReason(letter.Reason)},
		{Name: awsbatch.AttributeAttempt, Value: strconv.Itoa(letter.Attempt)},
	}
	if _, named := own[awsbatch.AttributeTask]; !named && awsbatch.ValidAttributeValue(letter.Task) {
		added = append(added, awsbatch.Attribute{Name: awsbatch.AttributeTask, Value: letter.Task})
	}
	return added
}

// firstAttributes returns up to n attributes in name order, after the ones that describe
// the body.
func firstAttributes(all map[string]types.MessageAttributeValue, n int) map[string]types.MessageAttributeValue {
	first := make(map[string]types.MessageAttributeValue, awsbatch.MaxAttributes)
	names := []string{awsbatch.AttributeEncoding, awsbatch.AttributeTask}
	for _, name := range append(names, slices.Sorted(maps.Keys(all))...) {
		if value, ok := all[name]; ok && len(first) < n {
			first[name] = value
		}
	}
	return first
}

// attributeSize returns the bytes that an attribute counts towards the size of a message.
func attributeSize(name string, value types.MessageAttributeValue) int {
	return len(name) + len(aws.ToString(value.DataType)) + len(aws.ToString(value.StringValue)) + len(value.BinaryValue)
}

// fit returns as many of the attributes as room, in bytes, allows. It leaves out the
// last ones first, and before that shortens the value of the first.
func fit(attributes []awsbatch.Attribute, room int) []awsbatch.Attribute {
	for n := len(attributes); n > 0; n-- {
		size := 0
		for _, a := range attributes[:n] {
			size += a.Size()
		}
		first := attributes[0]
		first.Value = shorten(first.Value, len(first.Value)-max(size-room, 0))
		if first.Value != "" {
			return append([]awsbatch.Attribute{first}, attributes[1:n]...)
		}
	}
	return nil
}

// maxReason is the length of the reason on a dead letter, in bytes.
const maxReason = 256

// cleanReason returns an error's text as one line of at most maxReason bytes, without
// characters that SQS refuses or that a terminal or a log interprets.
func cleanReason(reason string) string {
	reason = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, shorten(reason, maxReason))
	if strings.TrimSpace(reason) == "" {
		return "permanent failure"
	}
	return reason
}

// shorten cuts text to at most n bytes of valid UTF-8; to nothing if n is negative.
func shorten(text string, n int) string {
	return strings.ToValidUTF8(text[:max(min(n, len(text)), 0)], "")
}

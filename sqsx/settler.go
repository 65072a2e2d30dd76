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

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Settler settles messages that others received, above all Lambda: lambdax.SQSConfig takes one. It changes visibility timeouts, and puts
// messages on the dead-letter queue of the queue that they came from, in requests that concurrent calls share. It is safe for
// concurrent use, and keeps nothing of a message when its call has returned.
//
// It needs sqs:GetQueueUrl and sqs:ChangeMessageVisibility on the queues, sqs:DeleteMessage for dead letters, and sqs:GetQueueUrl and
// sqs:SendMessage on the dead-letter queues: see [RoleFunction]. The queues are those of the caller's own account.
type Settler struct {
	service *service

	mu     sync.Mutex
	queues map[string]*settlements
}

var _ taskhawk.Settler = (*Settler)(nil)

// NewSettler makes a settler for deliveries of any queue. It makes no call: queue URLs are looked up when they are first needed, once each.
func NewSettler(api API) (*Settler, error) {
	if nilcheck.IsNil(api) {
		return nil, errors.New("sqsx: new settler: nil API")
	}
	return &Settler{service: newService(api, ""), queues: map[string]*settlements{}}, nil
}

// SetVisibility changes the visibility timeout of the message, 0 to 12 h, in whole seconds, rounded up. The error wraps
// taskhawk.ErrVisibilityLost when the message is no longer in flight with this receipt handle.
func (s *Settler) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	return s.of(d).SetVisibility(ctx, d, timeout)
}

// DeadLetter sends the message to the dead-letter queue, with task, reason and attempt as attributes beside its own, and deletes it only when
// that has stored it. A crash in between leaves a copy on both queues and loses none.
func (s *Settler) DeadLetter(ctx context.Context, d *taskhawk.Delivery, letter taskhawk.DeadLetter) error {
	return s.of(d).DeadLetter(ctx, d, letter)
}

// Stats counts the requests of this settler. It may be called at any time, concurrently.
func (s *Settler) Stats() RequestStats { return s.service.counts.stats() }

func (s *Settler) of(d *taskhawk.Delivery) *settlements {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, ok := s.queues[d.Queue]
	if !ok {
		queue = newSettlements(s.service, d.Queue, 0, maxCalls)
		s.queues[d.Queue] = queue
	}
	return queue
}

// maxReason is the length of the reason on a dead letter, in bytes.
const maxReason = 256

// DeadLetter sends the message to the dead-letter queue, with task, reason and attempt as attributes beside its own, and
// deletes it only when that has stored it. A crash in between leaves a copy on both queues and loses none.
func (s *settlements) DeadLetter(ctx context.Context, d *taskhawk.Delivery, letter taskhawk.DeadLetter) error {
	name := DeadLetterQueueName(s.queue)
	e := entry{body: d.Body, attributes: deadLetterAttributes(ownAttributes(d), letter), group: d.Group}
	if sqsqueue.IsFIFO(name) {
		e.deduplication = d.MessageID
	}
	if err := s.service.send(ctx, name, []entry{e})[0]; err != nil {
		return fmt.Errorf("dead letter: %w", err)
	}
	return s.Delete(ctx, d)
}

// ownAttributes are those of the message itself: of all types where SQS delivered it to us, the texts where others did.
func ownAttributes(d *taskhawk.Delivery) map[string]types.MessageAttributeValue {
	if message, ok := d.Raw.(types.Message); ok {
		return message.MessageAttributes
	}
	attributes := make(map[string]types.MessageAttributeValue, len(d.Attributes))
	for name, value := range d.Attributes {
		if awsbatch.ValidAttributeName(name) && awsbatch.ValidAttributeValue(value) {
			attributes[name] = stringAttribute(value)
		}
	}
	return attributes
}

// deadLetterAttributes are those of the letter, and of the message's own as many as there is room for, in name order.
func deadLetterAttributes(
	own map[string]types.MessageAttributeValue, letter taskhawk.DeadLetter,
) map[string]types.MessageAttributeValue {
	attributes := map[string]types.MessageAttributeValue{
		awsbatch.AttributeReason:  stringAttribute(cleanReason(letter.Reason)),
		awsbatch.AttributeAttempt: stringAttribute(strconv.Itoa(letter.Attempt)),
	}
	if awsbatch.ValidAttributeValue(letter.Task) {
		attributes[awsbatch.AttributeTask] = stringAttribute(letter.Task)
	}
	// The encoding says how to read the body: it comes before all others.
	if encoding, ok := own[awsbatch.AttributeEncoding]; ok {
		attributes[awsbatch.AttributeEncoding] = encoding
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if _, set := attributes[name]; !set && len(attributes) < awsbatch.MaxAttributes {
			attributes[name] = own[name]
		}
	}
	return attributes
}

// cleanReason makes an error's text one that SQS takes: one line, of bounded length.
func cleanReason(reason string) string {
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	reason = strings.ToValidUTF8(reason, "")
	reason = strings.Map(func(r rune) rune {
		if awsbatch.Forbidden(string(r)) >= 0 || r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, reason)
	if reason == "" {
		return "permanent failure"
	}
	return reason
}

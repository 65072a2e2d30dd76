package sqsx

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attribute"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// maxReason is the length of the reason on a dead letter, in bytes.
const maxReason = 256

// DeadLetter sends the message to the dead-letter queue, with task, reason and attempt as attributes beside its own, and
// deletes it only when that has stored it. A crash in between leaves a copy on both queues and loses none.
func (s *settlements) DeadLetter(ctx context.Context, d *taskhawk.Delivery, letter taskhawk.DeadLetter) error {
	name := DeadLetterQueueName(s.queue)
	e := entry{body: d.Body, attributes: deadLetterAttributes(ownAttributes(d), letter), group: d.Group}
	if isFIFO(name) {
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
		if attribute.ValidName(name) && attribute.ValidValue(value) {
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
		attribute.Reason:  stringAttribute(cleanReason(letter.Reason)),
		attribute.Attempt: stringAttribute(strconv.Itoa(letter.Attempt)),
	}
	if attribute.ValidValue(letter.Task) {
		attributes[attribute.Task] = stringAttribute(letter.Task)
	}
	// The encoding says how to read the body: it comes before all others.
	if encoding, ok := own[attribute.Encoding]; ok {
		attributes[attribute.Encoding] = encoding
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if _, set := attributes[name]; !set && len(attributes) < attribute.Max {
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
		if attribute.Forbidden(string(r)) >= 0 || r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, reason)
	if reason == "" {
		return "permanent failure"
	}
	return reason
}

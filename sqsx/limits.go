package sqsx

import (
	"fmt"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/attribute"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The limits of SQS that are checked before a call. Source: the API reference of SendMessage, SendMessageBatch and
// ChangeMessageVisibility, and "Amazon SQS quotas".
const (
	// MaxMessageSize is the size of a message, body and attributes, in bytes; a batch of them together has the same limit.
	// A queue can be set lower.
	MaxMessageSize = 1 << 20
	// MaxDelay is the longest delay of a message.
	MaxDelay = 15 * time.Minute
	// MaxVisibility is the longest visibility timeout, and the longest that a message can be kept from others in all.
	MaxVisibility = 12 * time.Hour

	maxBatch = 10  // entries of a batch call
	maxID    = 128 // characters of a group or deduplication id
)

// LimitError says what SQS would refuse about a message; nothing was sent. Its text shows no value.
type LimitError struct {
	// Task is the name of the task.
	Task string
	// Field is what breaks the limit: "body", "size", "delay", "group" or "deduplication id".
	Field string
	// Reason is the limit and how it is broken.
	Reason string
}

// Error names task, field and reason.
func (e *LimitError) Error() string {
	return fmt.Sprintf("SQS takes no such message: %s %s", e.Field, e.Reason)
}

// entry is a message checked and ready to send.
type entry struct {
	out        *taskhawk.Outgoing
	attributes []attribute.Attribute
	size       int
}

// newEntry checks everything that can be checked without the network. The SDK checks none of it, and a body of invalid
// UTF-8 would even be stored, changed, and then reported as an error.
func newEntry(out *taskhawk.Outgoing, fifo bool) (entry, error) {
	e := entry{out: out, attributes: attribute.Mirror(out.Task, out.Headers), size: len(out.Body)}
	for _, a := range e.attributes {
		e.size += a.Size()
	}
	refuse := func(field, format string, args ...any) (entry, error) {
		return entry{}, &LimitError{Task: out.Task, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case out.Body == "":
		return refuse("body", "is empty")
	case e.size > MaxMessageSize:
		return refuse("size", "with attributes is %d bytes, the limit is %d", e.size, MaxMessageSize)
	case attribute.Forbidden(out.Body) >= 0:
		return refuse("body", "has a character that SQS refuses, at byte %d", attribute.Forbidden(out.Body))
	case out.Delay > MaxDelay:
		return refuse("delay", "is %s, the limit is %s", out.Delay, MaxDelay)
	case fifo && out.Delay > 0:
		return refuse("delay", "is not possible per message on a FIFO queue")
	case fifo && out.Group == "":
		return refuse("group", "is missing: a FIFO queue needs one, use taskhawk.WithGroup")
	case !fifo && out.DeduplicationID != "":
		return refuse("deduplication id", "is for FIFO queues only")
	case !validID(out.Group):
		return refuse("group", "is not up to %d letters, digits and punctuation marks", maxID)
	case !validID(out.DeduplicationID):
		return refuse("deduplication id", "is not up to %d letters, digits and punctuation marks", maxID)
	}
	return e, nil
}

// validID reports whether SQS takes id as a group or deduplication id; empty is none.
func validID(id string) bool {
	return len(id) <= maxID && strings.IndexFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// seconds rounds up to what SQS counts in.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

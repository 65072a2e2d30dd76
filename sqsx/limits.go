package sqsx

import (
	"fmt"
	"time"
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

// seconds rounds up to what SQS counts in.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

package lambdax

import "fmt"

// The limits of SNS that are checked before a call. Source: the API reference of Publish and PublishBatch.
const (
	// DefaultMessageSize is the size of a message, body and attributes, in bytes, on a topic whose MaximumMessageSize was not set; a
	// batch of them together has the same limit.
	DefaultMessageSize = 256 << 10
	// MaxMessageSize is the most that a topic can be raised to.
	MaxMessageSize = 1 << 20

	minMessageSize = 1 << 10
)

// LimitError says what SNS would refuse about a message; nothing was sent. Its text shows no value.
type LimitError struct {
	// Task is the name of the task.
	Task string
	// Field is what breaks the limit: "body", "size", "delay", "group" or "deduplication id".
	Field string
	// Reason is the limit and how it is broken.
	Reason string
}

// Error names field and reason.
func (e *LimitError) Error() string {
	return fmt.Sprintf("SNS takes no such message: %s %s", e.Field, e.Reason)
}

package taskhawk

import (
	"errors"
	"fmt"
)

// Priority chooses one of the four queues that a task travels on.
// The zero value is [Default].
type Priority uint8

// The four priorities of Taskhawk, each with its own queue.
const (
	Default Priority = iota // the queue without a suffix
	High                    // for tasks that a person waits for
	Low                     // for tasks that may wait
	Bulk                    // for backfills and mass mailings
)

// ErrUnknownPriority is wrapped by errors about a priority that is none of the four.
var ErrUnknownPriority = errors.New("unknown priority")

// Priorities returns the four priorities, the most urgent first. The slice is the
// caller's.
func Priorities() []Priority { return []Priority{High, Default, Low, Bulk} }

// ParsePriority returns the priority named by its text form: "default", "high", "low" or
// "bulk", in lower case as the Python library writes it. The error wraps
// [ErrUnknownPriority].
func ParsePriority(text string) (Priority, error) {
	switch text {
	case "default":
		return Default, nil
	case "high":
		return High, nil
	case "low":
		return Low, nil
	case "bulk":
		return Bulk, nil
	}
	return Default, fmt.Errorf("%w: want default, high, low or bulk", ErrUnknownPriority)
}

// Valid reports whether p is one of the four priorities.
func (p Priority) Valid() bool { return p <= Bulk }

// String returns the text form that goes on the wire, or "Priority(n)" for a value that
// is none of the four.
func (p Priority) String() string {
	switch p {
	case Default:
		return "default"
	case High:
		return "high"
	case Low:
		return "low"
	case Bulk:
		return "bulk"
	}
	return fmt.Sprintf("Priority(%d)", uint8(p))
}

// MarshalText returns the text form. It fails, wrapping [ErrUnknownPriority], for a value
// that is none of the four.
func (p Priority) MarshalText() ([]byte, error) {
	if !p.Valid() {
		return nil, fmt.Errorf("%w: %s", ErrUnknownPriority, p)
	}
	return []byte(p.String()), nil
}

// UnmarshalText is [ParsePriority] for configuration files and flags.
func (p *Priority) UnmarshalText(text []byte) error {
	parsed, err := ParsePriority(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

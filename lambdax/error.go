package lambdax

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

var (
	// ErrDeadline is the cause (context.Cause) with which the contexts of handlers end
	// shortly before the deadline of their invocation.
	ErrDeadline = errors.New("the invocation ends")
	// ErrHeldBack is wrapped by the [RecordError] of a record of a FIFO queue that was
	// not started because an earlier message failed.
	ErrHeldBack = errors.New("not started: an earlier message failed")
	// ErrAbandoned is wrapped by the [RecordError] of a record whose handler had not
	// returned when the answer was due.
	ErrAbandoned = errors.New("the handler did not return in time")

	errGivenBack = errors.New("the handler gave the message back")
	errGoexit    = errors.New("the handler ended its goroutine by runtime.Goexit")
)

// RecordError is the failure of one record of an event.
type RecordError struct {
	// MessageID is the id that SQS or SNS gave the message.
	MessageID string
	// Err is the error of Hub.Handle. If the record did not run, it wraps
	// taskhawk.ErrNoTime or [ErrHeldBack].
	Err error
}

// Error returns the error with the id of the record.
func (e *RecordError) Error() string {
	return fmt.Sprintf("record %s: %s", guard.Line(e.MessageID, maxShown), guard.Text(e.Err))
}

// Unwrap returns the reason.
func (e *RecordError) Unwrap() error { return e.Err }

// BatchError is the error of an invocation with failed records. Lambda delivers the whole
// event again.
type BatchError struct {
	// Total is the number of records.
	Total int
	// Failed has the failed records, in the order of the event.
	Failed []*RecordError
}

// shownErrors is how many records the text of a BatchError names.
const shownErrors = 10

// Error counts the failed records and names the first ten, on one line.
func (e *BatchError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "lambdax: %d of %d records failed", len(e.Failed), e.Total)
	separator := ": "
	for i, failed := range e.Failed {
		if i == shownErrors {
			text.WriteString("; and others")
			break
		}
		text.WriteString(separator + oneLine(failed))
		separator = "; "
	}
	return text.String()
}

// Unwrap returns the errors of the records, for errors.Is and errors.As.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, len(e.Failed))
	for i, failed := range e.Failed {
		errs[i] = failed
	}
	return errs
}

// The lengths, in bytes, to which errors cut foreign ids and texts.
const (
	maxShown = 64
	maxText  = 1024
)

// oneLine returns the text of an error, possibly the user's, on one line.
func oneLine(err error) string { return guard.Line(guard.Text(err), maxText) }

// ErrNoTopic is wrapped by the [*TopicError] of a topic that is not among the topics of the
// account and region.
var ErrNoTopic = errors.New("the topic does not exist in this account and region")

// noTopicError wraps [ErrNoTopic] where the list of all topics was read.
type noTopicError struct{ others string } // of the application's topics, which exist

func (*noTopicError) Error() string { return ErrNoTopic.Error() }

func (*noTopicError) Unwrap() error { return ErrNoTopic }

// TopicError is the error of a call to SNS for a topic. errors.As also finds the answer
// of SNS, such as *types.NotFoundException.
type TopicError struct {
	// Topic is the name of the topic.
	Topic string
	// Err is the error of the call.
	Err error
}

// Error returns one line with the topic. For a missing topic it adds what to do.
func (e *TopicError) Error() string {
	_, missing := guard.As[*types.NotFoundException](e.Err)
	if missing || guard.Is(e.Err, ErrNoTopic) {
		text := fmt.Sprintf(
			"topic %s does not exist in this account and region: "+
				"create it and subscribe the function or queue that runs its tasks",
			e.Topic,
		)
		if listed, ok := guard.As[*noTopicError](e.Err); ok {
			text += "; " + listed.others
		}
		return text
	}
	return fmt.Sprintf("topic %s: %s", e.Topic, oneLine(e.Err))
}

// Unwrap returns the error of the call.
func (e *TopicError) Unwrap() error { return e.Err }

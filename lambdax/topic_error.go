package lambdax

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// ErrNoTopic is wrapped by the [*TopicError] of a topic that is not among those of the account and region.
var ErrNoTopic = errors.New("the topic does not exist in this account and region")

// TopicError says which topic a call to SNS was for. errors.As also finds what SNS answered, such as *types.NotFoundException.
type TopicError struct {
	// Topic is the name of the topic.
	Topic string
	// Err is the error of the call.
	Err error
}

// Error names the topic; for one that does not exist it says what to do. It is one line.
func (e *TopicError) Error() string {
	_, missing := errors.AsType[*types.NotFoundException](e.Err)
	if missing || errors.Is(e.Err, ErrNoTopic) {
		return fmt.Sprintf("topic %s does not exist in this account and region: create it and subscribe the function or queue that runs its tasks",
			e.Topic)
	}
	return fmt.Sprintf("topic %s: %s", e.Topic, oneLine(e.Err.Error()))
}

// Unwrap returns the error of the call.
func (e *TopicError) Unwrap() error { return e.Err }

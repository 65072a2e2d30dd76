package sqsx

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// QueueError says which queue a call to SQS was for. errors.As also finds what SQS answered, such as
// *types.QueueDoesNotExist: compare types, since the codes differ between the protocols of SQS.
type QueueError struct {
	// Queue is the name of the queue.
	Queue string
	// Err is the error of the call. Its own text may hold receipt handles; that of QueueError does not.
	Err error

	receipts []string // of the call
}

// Error names the queue; for one that does not exist it says what to do. It is one line, without receipt handles.
func (e *QueueError) Error() string {
	if _, missing := errors.AsType[*types.QueueDoesNotExist](e.Err); missing {
		return fmt.Sprintf("queue %s does not exist in this account and region: create it, for example with sqsx.Provision", e.Queue)
	}
	text := e.Err.Error()
	for _, receipt := range e.receipts {
		text = strings.ReplaceAll(text, receipt, "(receipt handle)")
	}
	return fmt.Sprintf("queue %s: %s", e.Queue, strings.Join(strings.Fields(text), " "))
}

// Unwrap returns the error of the call.
func (e *QueueError) Unwrap() error { return e.Err }

package sqsx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// QueueError is the error of a call to SQS for a queue. errors.As also finds the answer
// of SQS, such as *types.QueueDoesNotExist. Compare types, since the codes differ
// between the protocols of SQS.
type QueueError struct {
	// Queue is the name of the queue.
	Queue string
	// Err is the error of the call. Its own text may hold receipt handles; the text of
	// QueueError does not.
	Err error

	account  string   // that was asked for the queue; "" for the caller's own
	receipts []string // of the call
}

// Error returns one line with the queue and without receipt handles. For a missing queue
// it adds what to do.
func (e *QueueError) Error() string {
	if _, missing := guard.As[*types.QueueDoesNotExist](e.Err); missing {
		if e.account != "" {
			return fmt.Sprintf(
				"queue %s does not exist in account %s and this region, or its policy denies sqs:GetQueueUrl",
				e.Queue,
				e.account,
			)
		}
		return fmt.Sprintf(
			"queue %s does not exist in this account and region: create it, for example with sqsx.Provision",
			e.Queue,
		)
	}
	text := guard.Text(e.Err)
	for _, receipt := range e.receipts {
		text = strings.ReplaceAll(text, receipt, "(receipt handle)")
	}
	return fmt.Sprintf("queue %s: %s", e.Queue, guard.Line(strings.Join(strings.Fields(text), " "), maxText))
}

// maxText limits the text of Err in the text of a QueueError, in bytes.
const maxText = 1024

// Unwrap returns the error of the call.
func (e *QueueError) Unwrap() error { return e.Err }

// messageGone is the message of SQS, under the code InvalidParameterValue, for a change
// to a message that is deleted or a dead letter.
const messageGone = "Message does not exist"

// handleExpired is in the text with which SQS refuses, under the same code, a receipt
// handle of a FIFO queue after the visibility timeout.
const handleExpired = "receipt handle has expired"

// lost reports whether the message is no longer in flight with the receipt handle that
// was used.
func lost(err error) bool {
	var invalid *types.ReceiptHandleIsInvalid
	var gone *types.MessageNotInflight
	if entry, ok := errors.AsType[*smithy.GenericAPIError](err); ok {
		return slices.Contains([]string{
			"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "ReceiptHandleIsInvalid",
		}, entry.Code) || entry.Code == "InvalidParameterValue" &&
			(strings.Contains(entry.Message, messageGone) || strings.Contains(entry.Message, handleExpired))
	}
	return errors.As(err, &invalid) || errors.As(err, &gone)
}

package sqsx

import (
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// messageGone is what SQS says, under the code InvalidParameterValue, of a change to a message that is deleted or a dead letter.
const messageGone = "Message does not exist"

// lost reports whether the message is no longer in flight with the receipt handle that was used.
func lost(err error) bool {
	var invalid *types.ReceiptHandleIsInvalid
	var gone *types.MessageNotInflight
	if entry, ok := errors.AsType[*EntryError](err); ok {
		return slices.Contains([]string{
			"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "ReceiptHandleIsInvalid",
		}, entry.Code) || entry.Code == "InvalidParameterValue" && strings.Contains(entry.Message, messageGone)
	}
	return errors.As(err, &invalid) || errors.As(err, &gone)
}

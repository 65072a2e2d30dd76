package sqsx

import (
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// lost reports whether the message is no longer in flight with the receipt handle that was used.
func lost(err error) bool {
	var invalid *types.ReceiptHandleIsInvalid
	var gone *types.MessageNotInflight
	if entry, ok := errors.AsType[*EntryError](err); ok {
		return slices.Contains([]string{
			"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "ReceiptHandleIsInvalid",
		}, entry.Code)
	}
	return errors.As(err, &invalid) || errors.As(err, &gone)
}

package sqsx

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// retryableCodes are those that pass by themselves and that the SDK does not count among its own: throttling by KMS, too many
// messages in flight, and clocks that the SDK corrects after the first answer.
func retryableCodes() []string {
	return []string{
		"KMS.ThrottlingException", "KmsThrottled", "OverLimit", "RequestTimeTooSkewed", "RequestExpired",
		"InvalidSignatureException", "SignatureDoesNotMatch", "RequestInTheFuture", "AuthFailure",
	}
}

// retryable reports whether the same call may succeed soon.
func retryable(err error) bool {
	if entry, ok := errors.AsType[*EntryError](err); ok {
		return !entry.SenderFault
	}
	if errors.Is(err, errNoAnswer) || status(err) == http.StatusTooManyRequests || status(err) >= http.StatusInternalServerError {
		return true
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		return slices.Contains(retryableCodes(), answer.ErrorCode()) ||
			retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err).Bool()
	}
	return !errors.Is(err, context.Canceled)
}

// unknown reports whether SQS may have done what it was asked, though the call failed: no answer came, or one that it makes
// after an accident of its own.
func unknown(err error) bool {
	var entry *EntryError
	var answer smithy.APIError
	var network *net.OpError
	switch {
	case errors.As(err, &entry):
		return false
	case status(err) >= http.StatusInternalServerError:
		return true
	case errors.As(err, &answer):
		return false
	case errors.As(err, &network) && network.Op == "dial":
		return false
	}
	return true
}

// status is the HTTP status of the answer, 0 when there was none.
func status(err error) int {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		return 0
	}
	return response.HTTPStatusCode()
}

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

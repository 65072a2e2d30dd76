package awsbatch

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// clockCodes returns the codes for a wrong clock, which the SDK corrects after the first
// answer.
func clockCodes() []string {
	return []string{
		"RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException", "SignatureDoesNotMatch",
		"RequestInTheFuture", "AuthFailure",
	}
}

// isThrottling reports whether a code means that the service processed nothing, because
// of too many requests or too many messages in flight. The SDK knows neither the codes of
// KMS nor that of SNS.
func isThrottling(code string) bool {
	_, known := retry.DefaultThrottleErrorCodes[code]
	return known || slices.Contains([]string{
		"KMS.ThrottlingException", "KMSThrottling", "KmsThrottled", "OverLimit", "Throttled",
	}, code)
}

// sizeCodes returns the codes for a call that is too large for SQS, for SNS, or for a
// proxy or emulator with a lower limit. The last two may also concern a single entry.
func sizeCodes() []string {
	return []string{
		"BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", "BatchRequestTooLongException",
		"RequestEntityTooLarge", "EntityTooLarge", "RequestTooLarge", "RequestTooLargeException", "PayloadTooLarge",
		"MessageTooLong", "InvalidParameterValue", "InvalidParameter",
	}
}

// tooLarge reports whether a call as a whole may have been refused for its size.
func tooLarge(err error) bool {
	if status(err) == http.StatusRequestEntityTooLarge {
		return true
	}
	answer, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains(sizeCodes(), answer.ErrorCode())
}

// Retryable reports whether the same call, or the same entry of one, may succeed soon. A
// call that failed before it was sent is retried if the SDK would do so: if the call for
// its credentials timed out, but not if there are none.
func Retryable(err error) bool {
	if isUnsent(err) {
		return retryableBySDK(err)
	}
	if status(err) == http.StatusRequestEntityTooLarge {
		return false
	}
	if errors.Is(err, ErrNoAnswer) || status(err) == http.StatusTooManyRequests ||
		status(err) >= http.StatusInternalServerError {
		return true
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		return answer.ErrorFault() == smithy.FaultServer || isThrottling(answer.ErrorCode()) ||
			slices.Contains(clockCodes(), answer.ErrorCode()) || retryableBySDK(err)
	}
	return !errors.Is(err, context.Canceled)
}

func retryableBySDK(err error) bool {
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err).Bool()
}

// Doubtful reports whether the service may have processed the request, or the entry of
// one, although it failed: no answer came, or one that reports an internal error.
func Doubtful(err error) bool {
	var answer smithy.APIError
	var network *net.OpError
	switch {
	case isUnsent(err):
		return false // although the call for credentials may have failed with any status
	case status(err) >= http.StatusInternalServerError:
		return true
	case status(err) == http.StatusRequestEntityTooLarge:
		return false
	case errors.As(err, &answer):
		return answer.ErrorFault() == smithy.FaultServer && !isThrottling(answer.ErrorCode())
	case errors.As(err, &network) && network.Op == "dial":
		return false
	}
	return true
}

// status returns the HTTP status of the answer, 0 if there was none.
func status(err error) int {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		return 0
	}
	return response.HTTPStatusCode()
}

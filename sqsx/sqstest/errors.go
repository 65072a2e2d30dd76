package sqstest

import (
	"fmt"
	"net/http"
)

// apiError is an error of the service: it becomes the body and the headers
// that make errors.As on the SDK's types.X work.
type apiError struct {
	code    string // the shape's name, such as QueueDoesNotExist
	message string
	status  int    // HTTP status; 0 means what statusOf says
	legacy  string // the x-amzn-query-error code; empty means what legacyCode says
}

func newError(code, format string, args ...any) *apiError {
	return &apiError{code: code, message: fmt.Sprintf(format, args...)}
}

func errInvalidParameter(format string, args ...any) *apiError {
	return newError("InvalidParameterValue", format, args...)
}

func errMissingParameter(name string) *apiError {
	return newError("MissingParameter", "The request must contain the parameter %s.", name)
}

func errParameterRange(name string, value int, rule string) *apiError {
	return errInvalidParameter("Value %d for parameter %s is invalid. Reason: %s", value, name, rule)
}

func errQueueDoesNotExist() *apiError {
	return newError("QueueDoesNotExist", "The specified queue does not exist.")
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

// httpStatus is the status of the response.
func (e *apiError) httpStatus() int {
	if e.status != 0 {
		return e.status
	}
	return statusOf(e.code)
}

// senderFault says whether the caller, not the service, is to blame.
func (e *apiError) senderFault() bool { return e.httpStatus() < http.StatusInternalServerError }

// queryError is the x-amzn-query-error header: the code of the older query
// protocol and which side is at fault.
func (e *apiError) queryError() string {
	code := e.legacy
	if code == "" {
		code = legacyCode(e.code)
	}
	if e.senderFault() {
		return code + ";Sender"
	}
	return code + ";Receiver"
}

// statusOf is the HTTP status of an error of the service model.
func statusOf(code string) int {
	switch code {
	case "InvalidAddress", "ReceiptHandleIsInvalid", "ResourceNotFoundException", "NotFound":
		return http.StatusNotFound
	case "OverLimit", "PurgeQueueInProgress", "InvalidSecurity", "KmsOptInRequired", "RequestThrottled":
		return http.StatusForbidden
	case "Throttled":
		return http.StatusTooManyRequests
	case "AuthorizationError", "SubscriptionLimitExceeded", "TopicLimitExceeded",
		"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException",
		"InvalidClientTokenId", "SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed":
		return http.StatusForbidden
	case "InternalError", "InternalFailure":
		return http.StatusInternalServerError
	case "ServiceUnavailable":
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// legacyCode is the code of the query protocol, which the SDK reports as
// ErrorCode because the service is marked compatible with it.
func legacyCode(code string) string {
	switch code {
	case "QueueDoesNotExist":
		return "AWS.SimpleQueueService.NonExistentQueue"
	case "QueueNameExists":
		return "QueueAlreadyExists"
	case "BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidBatchEntryId",
		"MessageNotInflight", "PurgeQueueInProgress", "QueueDeletedRecently",
		"TooManyEntriesInBatchRequest", "UnsupportedOperation":
		return "AWS.SimpleQueueService." + code
	}
	return kmsCode(code)
}

// kmsCode is the legacy code of the errors passed on from the key service.
func kmsCode(code string) string {
	switch code {
	case "KmsAccessDenied":
		return "KMS.AccessDeniedException"
	case "KmsDisabled":
		return "KMS.DisabledException"
	case "KmsInvalidKeyUsage":
		return "KMS.InvalidKeyUsageException"
	case "KmsInvalidState":
		return "KMS.InvalidStateException"
	case "KmsNotFound":
		return "KMS.NotFoundException"
	case "KmsOptInRequired":
		return "KMS.OptInRequired"
	case "KmsThrottled":
		return "KMS.ThrottlingException"
	}
	return code
}

// errSNS is SNS's error for a request that breaks a rule.
func errSNS(format string, args ...any) *apiError {
	return newError("InvalidParameter", "Invalid parameter: "+format, args...)
}

func errSNSParameter(name, reason string) *apiError { return errSNS("%s Reason: %s", name, reason) }

func errTopicNotFound() *apiError { return newError("NotFound", "Topic does not exist") }

func errSubscriptionNotFound() *apiError { return newError("NotFound", "Subscription does not exist") }

// asSNS turns an error of the rules that SNS shares with SQS into SNS's own.
func asSNS(err error, code string) error {
	if err == nil {
		return nil
	}
	return newError(code, "Invalid parameter: %s", asAPIError(err).message)
}

package sqstest

import (
	"fmt"
	"net/http"
)

// apiError is an error of the service. Its body and headers make errors.As work with the
// error types of the SDK.
type apiError struct {
	code    string // the shape's name, such as QueueDoesNotExist
	message string
	status  int    // HTTP status; 0 means statusOf
	legacy  string // the x-amzn-query-error code; "" means legacyCode
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

// httpStatus returns the status of the response.
func (e *apiError) httpStatus() int {
	if e.status != 0 {
		return e.status
	}
	return statusOf(e.code)
}

// senderFault reports whether the caller, not the service, caused the error.
func (e *apiError) senderFault() bool { return e.httpStatus() < http.StatusInternalServerError }

// queryError returns the x-amzn-query-error header: the code of the older query protocol
// and the side at fault.
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

// statusOf returns the HTTP status of an error of the service model.
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

// legacyCode returns the code in the query protocol. The SDK reports it as ErrorCode,
// because the service model declares compatibility with that protocol.
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

// kmsCode returns the legacy code of errors from the key service.
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

// errSNS returns the error of SNS for a request that breaks a rule.
func errSNS(format string, args ...any) *apiError {
	return newError("InvalidParameter", "Invalid parameter: "+format, args...)
}

func errSNSParameter(name, reason string) *apiError { return errSNS("%s Reason: %s", name, reason) }

func errTopicNotFound() *apiError { return newError("NotFound", "Topic does not exist") }

func errSubscriptionNotFound() *apiError { return newError("NotFound", "Subscription does not exist") }

// asSNS converts an error of a rule that SNS shares with SQS to an error of SNS.
func asSNS(err error, code string) error {
	if err == nil {
		return nil
	}
	return newError(code, "Invalid parameter: %s", asAPIError(err).message)
}

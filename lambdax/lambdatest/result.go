package lambdatest

import (
	"encoding/json"
	"fmt"
	"time"
)

// Result is the result of an invocation.
type Result struct {
	// RequestID is the id of the invocation.
	RequestID string
	// Response is the answer of the function; nil if it failed.
	Response []byte
	// Error is why it failed; nil if it did not.
	Error *FunctionError
	// Duration is the time between the function taking the invocation and the answer.
	Duration time.Duration
	// Left is the time between the answer and the timeout; 0 without an answer in time.
	Left time.Duration
}

// The types of errors from Lambda itself. The type of an error from a function is the
// name of its Go type.
const (
	// ErrorTimedOut : the process was killed because the timeout was over.
	ErrorTimedOut = "Sandbox.Timedout"
	// ErrorExit : the process ended.
	ErrorExit = "Runtime.ExitError"
	// ErrorResponseSize : the response is larger than the 6 MB that Lambda takes.
	ErrorResponseSize = "Function.ResponseSizeTooLarge"
)

// FunctionError is the error of a failed invocation, as Lambda reports it to the caller.
type FunctionError struct {
	// Type is one of the constants, or the Go type of the function's error, such as
	// "errorString".
	Type string `json:"errorType"`
	// Message is the text of the error.
	Message string `json:"errorMessage"`
	// Body is the full report of the runtime, as JSON. For a panic that reached
	// lambda.Start it includes the stack.
	Body []byte `json:"-"`
}

// Error returns type and message.
func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// readFunctionError reads the report of a runtime. The type is also in a header, for
// bodies other than JSON.
func readFunctionError(body []byte, header string) *FunctionError {
	failure := &FunctionError{}
	if json.Unmarshal(body, failure) != nil || failure.Type == "" {
		failure.Type = header
	}
	if failure.Type == "" {
		failure.Type = "Runtime.Unknown"
	}
	failure.Body = body
	return failure
}

func timedOut(id string, limit time.Duration) *FunctionError {
	return &FunctionError{
		Type:    ErrorTimedOut,
		Message: fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", id, limit.Seconds()),
	}
}

func exited(id, state string) *FunctionError {
	return &FunctionError{
		Type:    ErrorExit,
		Message: fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", id, state),
	}
}

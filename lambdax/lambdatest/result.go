package lambdatest

import (
	"encoding/json"
	"fmt"
	"time"
)

// Result is how an invocation went.
type Result struct {
	// RequestID is the id of the invocation.
	RequestID string
	// Response is what the function answered; nil when it failed.
	Response []byte
	// Error is why it failed; nil when it did not.
	Error *FunctionError
	// Duration is the time between the function taking the invocation and the answer.
	Duration time.Duration
	// Left is the time that was left before the timeout when the answer came; 0 when none
	// came in time.
	Left time.Duration
}

// The types of errors that Lambda reports by itself. What a function returns as an error
// has the name of its Go type.
const (
	// ErrorTimedOut : the process was killed because the timeout was over.
	ErrorTimedOut = "Sandbox.Timedout"
	// ErrorExit : the process ended.
	ErrorExit = "Runtime.ExitError"
	// ErrorResponseSize : the response is larger than the 6 MB that Lambda takes.
	ErrorResponseSize = "Function.ResponseSizeTooLarge"
)

// FunctionError is an invocation that failed, as whoever invoked the function sees it.
type FunctionError struct {
	// Type is one of the constants, or the Go type of the function's error, such as
	// "errorString".
	Type string `json:"errorType"`
	// Message is the text of the error.
	Message string `json:"errorMessage"`
	// Body is all that the runtime reported, as JSON: of a panic that reached
	// lambda.Start, also the stack.
	Body []byte `json:"-"`
}

// Error returns type and message.
func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// readFunctionError reads what a runtime reports. The type is also in a header, for
// bodies that are no JSON.
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

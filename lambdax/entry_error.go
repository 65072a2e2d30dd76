package lambdax

import (
	"fmt"

	"github.com/aws/smithy-go"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
)

// EntryError is what SNS answered for one entry of a batch. It is a smithy.APIError, as the errors of whole calls are.
type EntryError struct {
	// Code is the error code of SNS, such as "InternalError".
	Code string
	// Message is the explanation of SNS.
	Message string
	// SenderFault tells that the entry itself is at fault, so that sending it again would not help, unless the code tells of
	// throttling.
	SenderFault bool
}

// Error gives code and explanation.
func (e *EntryError) Error() string {
	return fmt.Sprintf("SNS refused the entry: %s: %s", e.Code, e.Message)
}

// ErrorCode returns Code.
func (e *EntryError) ErrorCode() string { return e.Code }

// ErrorMessage returns Message.
func (e *EntryError) ErrorMessage() string { return e.Message }

// ErrorFault tells whether the client or the server is at fault.
func (e *EntryError) ErrorFault() smithy.ErrorFault { return awsbatch.Fault(e.SenderFault) }

var _ smithy.APIError = (*EntryError)(nil)

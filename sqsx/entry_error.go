package sqsx

import "fmt"

// EntryError is what SQS answered for one entry of a batch.
type EntryError struct {
	// Code is the error code of SQS, such as "InternalError".
	Code string
	// Message is the explanation of SQS.
	Message string
	// SenderFault tells that the entry itself is at fault, so that sending it again would not help.
	SenderFault bool
}

// Error gives code and explanation.
func (e *EntryError) Error() string {
	return fmt.Sprintf("SQS refused the entry: %s: %s", e.Code, e.Message)
}

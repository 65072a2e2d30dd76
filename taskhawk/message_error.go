package taskhawk

import (
	"errors"
	"fmt"
)

// MessageError says that a message body is not a Taskhawk message. Its text never shows a value of the message.
type MessageError struct {
	// Field is the field at fault, such as "metadata.version"; empty when the body as a whole is not a JSON object.
	Field string
	// Reason says what is wrong with it.
	Reason string
	// Err is the cause, if there is one.
	Err error
}

// Error names field and reason.
func (e *MessageError) Error() string {
	text := "not a taskhawk message: "
	if e.Field != "" {
		text += e.Field + " "
	}
	if text += e.Reason; e.Err != nil {
		text = fmt.Sprintf("%s: %v", text, e.Err)
	}
	return text
}

// Unwrap returns the cause.
func (e *MessageError) Unwrap() error { return e.Err }

// asMessageError makes a syntax error one of the message; a MessageError stays as it is.
func asMessageError(err error) error {
	if _, ok := errors.AsType[*MessageError](err); ok {
		return err
	}
	return &MessageError{Reason: "is not JSON", Err: err}
}

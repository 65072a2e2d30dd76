package taskhawk

import (
	"errors"
	"fmt"

	"github.com/taskhawk/taskhawk-go/codec"
)

// ArgumentError says that arguments do not convert: in Dispatch, that a value has no JSON form; on delivery, that the
// message's args and kwargs do not bind to the task's parameters. Its text never shows a value.
type ArgumentError struct {
	// Task is the name of the task.
	Task string
	// Param is the name of the parameter, as on the wire; empty when no single one is at fault.
	Param string
	// Path says where in the message, as a JSON path such as "args[0]" or "kwargs.order.items[3].price".
	Path string
	// Err is the reason: it wraps one of the sentinel errors of the codec package, such as codec.ErrMissing.
	Err error
}

func newArgumentError(task string, err error) error {
	var located *codec.Error
	if !errors.As(err, &located) {
		return &ArgumentError{Task: task, Err: err}
	}
	return &ArgumentError{Task: task, Param: located.Param, Path: located.Path, Err: err}
}

// Error names task, parameter and reason.
func (e *ArgumentError) Error() string { return fmt.Sprintf("arguments of %s: %v", e.Task, e.Err) }

// Unwrap returns the reason.
func (e *ArgumentError) Unwrap() error { return e.Err }

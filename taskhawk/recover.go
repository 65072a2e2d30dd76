package taskhawk

import (
	"context"
	"fmt"
	"runtime/debug"
)

// PanicError is the error of a handler that panicked. Its text leaves the panic value out, since that may hold
// arguments or secrets; code that wants it reads Value.
type PanicError struct {
	// Value is what was passed to panic.
	Value any
	// Stack is the stack of the goroutine at the panic, as runtime/debug.Stack formats it.
	Stack []byte
}

// Error names the type of the panic value, not the value.
func (e *PanicError) Error() string { return fmt.Sprintf("panic (%T)", e.Value) }

// Unwrap returns the panic value where it is an error, so that errors.Is finds runtime errors.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// decide keeps an error that a handler panicked with from deciding: after a panic, nothing is done.
func (e *PanicError) decide() Outcome { return Outcome{Action: ActionRetry} }

// Recover turns a panic of next into a [*PanicError]. A hub puts it directly around every handler by itself, so that all
// other middleware sees an error; it is exported for handlers run by other means.
func Recover(next Handler) Handler {
	return func(ctx context.Context, msg *Message) (err error) {
		defer recoverTo(&err)
		return next(ctx, msg)
	}
}

// recoverTo is deferred by itself: it catches a panic and stores it as an error.
func recoverTo(err *error) {
	if value := recover(); value != nil {
		*err = &PanicError{Value: value, Stack: debug.Stack()}
	}
}

package awsbatch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// errNothing is the error of a client that returned neither an answer nor an error, as
// unfinished fakes do.
var errNothing = errors.New("the client returned neither an answer nor an error")

// Invoke calls a method of the SDK's client, or of the user's implementation of it. A
// panic and a nil answer are errors, and the methods of the error are safe to call.
func Invoke[In, Out, Option any](
	ctx context.Context,
	method func(context.Context, *In, ...func(*Option)) (*Out, error),
	in *In,
	options ...func(*Option),
) (out *Out, err error) {
	defer func() {
		if err = recovered(recover(), err); err != nil {
			out = nil
		}
	}()
	out, err = method(ctx, in, options...)
	if out == nil && err == nil {
		err = errNothing
	}
	return out, err
}

// Name calls the user's naming function for the name of a queue or topic. A panic is an
// error, and so is a URL or ARN.
func Name(
	naming func(app string, priority taskhawk.Priority) string, app string, priority taskhawk.Priority,
) (name string, err error) {
	defer func() {
		if err = recovered(recover(), err); err != nil {
			err = fmt.Errorf("naming for priority %s: %w", priority, err)
		}
	}()
	name = naming(app, priority)
	// The services would only report a name that is too long or has wrong characters.
	if isAddress(name) {
		return "", errors.New("a URL or ARN where a name is expected: give its last part, and the owner as Account")
	}
	return name, nil
}

// isAddress reports whether a text that should be a name is a URL or an ARN.
func isAddress(text string) bool { return strings.ContainsAny(text, ":/") }

// recovered returns a *taskhawk.PanicError for the value of a panic in the user's code.
// If value is nil it returns err, with methods that are safe to call.
func recovered(value any, err error) error {
	if value != nil {
		err = &taskhawk.PanicError{Value: value, Stack: debug.Stack()}
	}
	return guard.Error(err)
}

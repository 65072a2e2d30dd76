package taskhawk

import (
	"context"
	"slices"
)

// Handler runs one message: what [Middleware] wraps. MetadataFrom(ctx) describes the delivery. Args and Kwargs of the message are cut out of
// its body, but that they are JSON all through is found out when they are bound, behind all middleware.
type Handler func(ctx context.Context, msg *Message) error

// Middleware wraps the handling of every delivery whose message could be read, also of those whose task is unknown.
// It returns next's error, or another: what it returns is what [OutcomeOf] decides on.
//
// The first middleware in Config.Middleware is the outermost. Inside all of them come the task's timeout and [Recover], so
// middleware sees a panic of the handler as a *PanicError. Middleware is called concurrently.
type Middleware func(next Handler) Handler

// chain folds middleware around the innermost handler.
func chain(innermost Handler, middleware []Middleware) Handler {
	handler := innermost
	for _, wrap := range slices.Backward(middleware) {
		handler = wrap(handler)
	}
	return handler
}

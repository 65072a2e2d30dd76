package awsbatch

import (
	"context"
	"errors"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Observed is an item of requests that an observer may see.
type Observed interface {
	// Observer returns the observer of the item's hub, nil for none.
	Observer() taskhawk.Observer
	// Outgoing returns the message that a send carries, nil for none.
	Outgoing() *taskhawk.Outgoing
}

// errPanicked is the error that an observer gets for a request that panicked. Its caller
// gets the panic.
var errPanicked = errors.New("the request panicked")

// Observe returns call with each attempt reported to an observer: the first that an item
// has. about describes the requests, except for their messages.
func Observe[T Observed](about taskhawk.Call, call Call[T]) Call[T] {
	return func(ctx context.Context, to string, items []T) (errs []error, err error) {
		observer := observerOf(items)
		if observer == nil {
			return call(ctx, to, items)
		}
		request := about
		request.Messages, request.Sent = len(items), sent(items)
		ctx, end := observer.Call(ctx, &request)
		err = errPanicked
		defer func() { end(succeeded(errs), err) }()
		errs, err = call(ctx, to, items)
		return errs, err
	}
}

func observerOf[T Observed](items []T) taskhawk.Observer {
	for _, item := range items {
		if observer := item.Observer(); observer != nil {
			return observer
		}
	}
	return nil
}

func sent[T Observed](items []T) []*taskhawk.Outgoing {
	var outs []*taskhawk.Outgoing
	for _, item := range items {
		if out := item.Outgoing(); out != nil {
			outs = append(outs, out)
		}
	}
	return outs
}

func succeeded(errs []error) int {
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}

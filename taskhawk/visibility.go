package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrVisibilityLost is the cause (context.Cause) with which a handler's context ends when the claim on its message is lost: the
// visibility timeout passed without an extension, for example because the network was away, or twelve hours are over.
// Another worker may run the task already; the message is not deleted by this one. Also wrapped by errors of [ExtendVisibility].
var ErrVisibilityLost = errors.New("the claim on the message is lost")

// ErrNoVisibility is returned by [ExtendVisibility] where there is no visibility timeout to extend: outside of a handler,
// in Sync mode, and on Lambda behind SNS, or behind SQS without lambdax.WithVisibility.
var ErrNoVisibility = errors.New("this delivery has no visibility timeout")

// ExtendVisibility keeps the message of the running handler invisible to other workers for d more, counted from now, not
// added to what is left. A [Worker] does so by itself for as long as the handler runs; by hand it is for handlers on Lambda,
// and for a longer claim that outlives a crash. 0 gives the message back at once, and ends the worker's own extensions.
//
// SQS counts whole seconds (d is rounded up) and refuses more than 12 hours after the message was received.
// The error wraps [ErrNoVisibility] where it does not apply; any other error means that the claim on the message may be
// lost and another worker may run the task too. It may be called concurrently.
func ExtendVisibility(ctx context.Context, d time.Duration) error {
	delivery := DeliveryFrom(ctx)
	if delivery == nil || delivery.Settler == nil {
		return ErrNoVisibility
	}
	if d < 0 {
		return fmt.Errorf("taskhawk: extend visibility: negative duration %s", d)
	}
	if err := delivery.Settler.SetVisibility(ctx, delivery, d); err != nil {
		return fmt.Errorf("taskhawk: extend visibility: %w", err)
	}
	return nil
}

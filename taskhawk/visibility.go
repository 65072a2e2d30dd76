package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrNoVisibility is returned by [ExtendVisibility] where there is no visibility timeout to extend: outside of a handler,
// in Sync mode, and on Lambda behind SNS.
var ErrNoVisibility = errors.New("this delivery has no visibility timeout")

// ExtendVisibility keeps the message of the running handler invisible to other workers for d more, counted from now, not
// added to what is left. A handler that runs longer than the queue's visibility timeout calls it now and then; 0 gives
// the message back at once.
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

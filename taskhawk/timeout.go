package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrTimeout is the cause (context.Cause) with which a handler's context ends when the timeout of its task is over.
var ErrTimeout = errors.New("the task's timeout is over")

// withTimeout runs next under the task's own timeout. A handler that fails after its time was over reports it: its error
// wraps ErrTimeout. One that succeeds late has succeeded.
func withTimeout(next Handler, timeout time.Duration) Handler {
	if timeout == 0 {
		return next
	}
	return func(ctx context.Context, msg *Message) error {
		ctx, cancel := context.WithTimeoutCause(ctx, timeout, ErrTimeout)
		defer cancel()
		err := next(ctx, msg)
		if err != nil && errors.Is(context.Cause(ctx), ErrTimeout) {
			return fmt.Errorf("%w after %s: %w", ErrTimeout, timeout, err)
		}
		return err
	}
}

package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrTimeout is the cause (context.Cause) with which a handler's context ends when the timeout of its task is over.
var ErrTimeout = errors.New("the task's timeout is over")

// ErrNoTime is wrapped by the error of [Hub.Handle] for a task that was not started because too little time was left until the deadline of
// its delivery. It asks for another delivery at once.
var ErrNoTime = errors.New("too little time is left to start the task")

// inTime is nil when the task may start: its timeout, where it has one, ends before the deadline.
func (h *Hub) inTime(d *Delivery, task string, now time.Time) error {
	if d.Deadline.IsZero() {
		return nil
	}
	var need time.Duration
	if r := h.tasks[task]; r != nil {
		need = r.timeout
	}
	switch left := d.Deadline.Sub(now); {
	case left <= 0:
		return RetryAfter(0, fmt.Errorf("%w: the deadline has passed", ErrNoTime))
	case left < need:
		return RetryAfter(0, fmt.Errorf("%w: %s, and it may take %s", ErrNoTime, left.Round(time.Millisecond), need))
	}
	return nil
}

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

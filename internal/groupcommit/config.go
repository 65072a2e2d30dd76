package groupcommit

import (
	"context"
	"time"
)

// Config describes the calls.
type Config[T any] struct {
	// Commit makes one call and returns an error for each item, nil for those that succeeded. Its context has the values of
	// the first item's, but not its end: one caller that gives up must not fail the others. It sets its own deadline.
	Commit func(ctx context.Context, items []T) []error
	// GivenUp makes the error of an item whose result nobody has from one that wraps ErrNotSent or ErrAbandoned; nil for that
	// error itself.
	GivenUp func(err error) error
	// Size is the size of an item in bytes; nil if MaxBytes is 0.
	Size func(item T) int
	// MaxItems is how many items a call takes.
	MaxItems int
	// MaxBytes is how many bytes a call takes; 0 for no limit.
	MaxBytes int
	// MaxCalls is how many calls may be in flight at once. More than one begins only for a full batch, or when Patience ends.
	MaxCalls int
	// Patience is how long an item waits for a call in flight to end before it gets another, so that one call that hangs does
	// not hold up the rest; 0, the default, for as long as it takes.
	Patience time.Duration
	// Linger is how long an item waits for others to share its call when none is in flight; 0, the default, for not at all.
	Linger time.Duration
	// Go starts the goroutine of a call; nil for a go statement.
	Go func(call func())
	// Adapt makes Linger the most of it: an item waits half as long as the last call took.
	Adapt bool
}

// givenUp is the error of an item without a result.
func (c *Config[T]) givenUp(err error) error {
	if c.GivenUp == nil {
		return err
	}
	return c.GivenUp(err)
}

// linger is how long an item waits after a call of that duration.
func (c *Config[T]) linger(last time.Duration) time.Duration {
	if c.Adapt {
		return min(c.Linger, last/2)
	}
	return c.Linger
}

func (c *Config[T]) start(call func()) {
	if c.Go == nil {
		go call()
		return
	}
	c.Go(call)
}

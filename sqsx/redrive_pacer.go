package sqsx

import (
	"context"
	"time"
)

// pacer spreads messages over time.
type pacer struct {
	rate int // messages per second, 0 for no limit
	next time.Time
}

// wait waits until n messages may go. It fails, with its cause, when ctx has ended.
func (p *pacer) wait(ctx context.Context, n int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.rate == 0 {
		return nil
	}
	if err := waitFor(ctx, time.Until(p.next)); err != nil {
		return err
	}
	p.next = time.Now().Add(time.Duration(n) * time.Second / time.Duration(p.rate))
	return nil
}

// waitFor waits for d. It fails, with its cause, when ctx ends first.
func waitFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

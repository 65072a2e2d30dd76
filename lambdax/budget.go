package lambdax

import (
	"context"
	"time"
)

// budget is when things have to be over in an invocation. Without a deadline, as in tests, all is zero: there is no limit.
type budget struct {
	handlers time.Time // when the contexts of handlers end, and after which nothing is started
	answer   time.Time // when the answer leaves at the latest
}

func newBudget(ctx context.Context, margin time.Duration) budget {
	deadline, ok := ctx.Deadline()
	if !ok {
		return budget{}
	}
	answer := deadline.Add(-margin)
	return budget{handlers: answer.Add(-margin / 4), answer: answer}
}

// handling is the context of handlers.
func (b budget) handling(ctx context.Context) (context.Context, context.CancelFunc) {
	if b.handlers.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, b.handlers, ErrDeadline)
}

// settling is the context of calls that settle a record: it has until the answer leaves, also when that of the handlers has ended.
func (b budget) settling(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithoutCancel(ctx)
	if b.answer.IsZero() {
		return context.WithTimeout(ctx, settleTimeout)
	}
	return context.WithDeadline(ctx, b.answer)
}

// settleTimeout bounds the calls that settle a record where the invocation has no deadline.
const settleTimeout = 25 * time.Second

// timer fires when the answer has to leave; never without a deadline.
func (b budget) timer() (fires <-chan time.Time, stop func() bool) {
	if b.answer.IsZero() {
		return nil, func() bool { return false }
	}
	timer := time.NewTimer(time.Until(b.answer))
	return timer.C, timer.Stop
}

package lambdax

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// settle gives the outcome of a record its effect, and returns why the record is not done.
func (b *batch) settle(ctx context.Context, r *record, handled error) error {
	if handled == nil || b.isClosed() {
		return handled
	}
	ctx, cancel := b.budget.settling(ctx)
	defer cancel()
	done, err := taskhawk.Settle(ctx, &r.delivery, handled, b.set.backoff)
	if err != nil {
		b.report(ctx, &r.delivery, "cannot settle a message, it stays invisible until its visibility timeout", err)
	}
	if done {
		return nil
	}
	return handled
}

func (b *batch) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// leaveOut ends the records that were not started, because the time is over (of that cause) or an earlier message failed, and gives them
// back.
func (b *batch) leaveOut(ctx context.Context, late error) {
	left := b.halt(late)
	if b.set.settler == nil {
		return
	}
	ctx, cancel := b.budget.settling(ctx)
	defer cancel()
	var group sync.WaitGroup
	for _, r := range left {
		group.Go(func() { _ = b.settle(ctx, r, taskhawk.RetryAfter(0, r.err)) })
	}
	group.Wait()
}

// halt starts nothing any more, and returns what was waiting.
func (b *batch) halt(late error) []*record {
	reason := ErrHeldBack
	if late != nil {
		reason = fmt.Errorf("%w: %w", taskhawk.ErrNoTime, late)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.halted = true
	var left []*record
	for i := b.first; i < len(b.records); i++ {
		if r := &b.records[i]; r.state == waiting {
			r.state, r.err = over, reason
			left = append(left, r)
		}
	}
	return left
}

// reportLate tells whoever runs the function that its timeout does not fit its batches or its tasks.
func (b *batch) reportLate(ctx context.Context, failed []*RecordError) {
	late := 0
	for _, f := range failed {
		if errors.Is(f, taskhawk.ErrNoTime) {
			late++
		}
	}
	if late > 0 {
		b.log(ctx, slog.LevelWarn, "records were not started, too little time is left in the invocation",
			slog.Int("records", late), slog.Int("of", len(b.records)))
	}
}

func (b *batch) report(ctx context.Context, d *taskhawk.Delivery, text string, err error) {
	b.log(ctx, slog.LevelError, text, slog.Any("delivery", d), slog.String("error", err.Error()))
}

// log survives a logger that panics.
func (b *batch) log(ctx context.Context, level slog.Level, text string, attrs ...slog.Attr) {
	defer func() { _ = recover() }()
	b.hub.Logger().LogAttrs(ctx, level, text, attrs...)
}

// failure is the error of an invocation with these failures, nil without any.
func (b *batch) failure(failed []*RecordError) error {
	if len(failed) == 0 {
		return nil
	}
	return &BatchError{Total: len(b.records), Failed: failed}
}

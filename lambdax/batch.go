package lambdax

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// batch runs the records of one invocation. Only a handler that does not return outlives
// it in a warm process.
type batch struct {
	hub     *taskhawk.Hub
	config  *SQSConfig
	budget  budget
	records []record

	mu       sync.Mutex
	first    int                   // no record before this index waits
	groups   map[string]groupState // of FIFO groups; a free group has none
	halted   bool                  // nothing is started any more
	closed   bool                  // the answer is made: later results do not count
	workers  int                   // and concurrent settlements
	idle     int                   // workers that found nothing to start
	finished chan struct{}         // closed when no worker is left
}

// groupState is the reason why no message of a FIFO group may start.
type groupState uint8

const (
	groupBusy groupState = iota + 1
	groupFailed
)

// run processes every record in time, and returns the errors of the records that are not
// done.
func (b *batch) run(ctx context.Context) []*RecordError {
	if len(b.records) == 0 {
		return nil
	}
	for i := range b.records {
		b.records[i].delivery.LogAttrs = &b.records[i].logAttrs // the slice no longer grows
	}
	handling, cancel := b.budget.handling(ctx)
	defer cancel()
	b.finished = make(chan struct{})
	b.workers = min(b.config.Concurrency, len(b.records))
	for range b.workers {
		go b.work(handling)
	}
	select {
	case <-b.finished:
	case <-handling.Done():
	}
	b.leaveOut(ctx, context.Cause(handling))
	b.await()
	failed := b.close()
	b.reportLate(ctx, failed)
	guard.Flush(b.hub.Logger()) // Lambda may freeze the process once it has the answer
	return failed
}

// await returns when no worker is left, or the answer is due.
func (b *batch) await() {
	select {
	case <-b.finished:
		return
	default:
	}
	answer, stop := b.budget.timer()
	defer stop()
	select {
	case <-b.finished:
	case <-answer:
	}
}

// work runs records until there is none to start. If a handler ends the goroutine by
// runtime.Goexit, another goroutine takes over.
func (b *batch) work(handling context.Context) {
	exited := true
	defer func() {
		if exited {
			go b.work(handling)
			return
		}
		b.leave(true)
	}()
	for r := b.next(handling); r != nil; r = b.next(handling) {
		b.handle(handling, r)
	}
	exited = false
}

// leave ends a worker or a concurrent settlement.
func (b *batch) leave(idle bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if idle {
		b.idle++
	}
	b.workers--
	if b.workers == 0 {
		close(b.finished)
	}
}

// next takes the first record that may start, or returns nil. Records behind a busy group
// are left to the worker of that group.
func (b *batch) next(handling context.Context) *record {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.halted || handling.Err() != nil {
		return nil
	}
	for i := b.first; i < len(b.records); i++ {
		r := &b.records[i]
		switch {
		case r.state != waiting:
			if i == b.first {
				b.first++
			}
		case !r.ordered:
			r.state = running
			return r
		case b.groups[r.delivery.Group] == 0:
			r.state = running
			b.mark(r, groupBusy)
			return r
		}
	}
	return nil
}

// handle runs a record and settles it.
func (b *batch) handle(handling context.Context, r *record) {
	err := errGoexit // unless Handle returns
	defer func() {
		stops := r.ordered && !b.config.SkipGroupOnError // so no record may start before this one is settled
		if err == nil || stops || b.config.Settler == nil {
			b.finish(r, b.settleHandled(handling, r, err))
			return
		}
		// Settle concurrently with the next records, so that settling calls share
		// requests. A group is busy until its record is settled.
		b.join()
		handled := err // which stays on the stack, unless a record gets here
		go func() {
			b.finish(r, b.settleHandled(handling, r, handled))
			if r.ordered && b.resume() {
				b.work(handling)
				return
			}
			b.leave(false)
		}()
	}()
	err = b.hub.Handle(handling, &r.delivery)
}

// resume reports whether the caller, which has settled a record of a group, continues as
// a worker. All waiting records may belong to that group, and the workers may have left
// because of it.
func (b *batch) resume() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.idle == 0 {
		return false
	}
	b.idle--
	return true
}

// join makes the batch wait for one more leave.
func (b *batch) join() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.workers++
}

// finish records the result of a record, unless the answer is already made.
func (b *batch) finish(r *record, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	r.state, r.err = over, err
	switch {
	case !r.ordered:
	case err == nil:
		delete(b.groups, r.delivery.Group)
	default:
		b.mark(r, groupFailed)
		b.halted = b.halted || !b.config.SkipGroupOnError
	}
}

// mark sets the state of the group of a record. mu must be held.
func (b *batch) mark(r *record, state groupState) {
	if b.groups == nil {
		b.groups = map[string]groupState{}
	}
	b.groups[r.delivery.Group] = state
}

// close ends the batch and returns what failed, in the order of the event.
func (b *batch) close() []*RecordError {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	var failed []*RecordError
	for i := range b.records {
		r := &b.records[i]
		if r.state == running {
			r.err = ErrAbandoned
		}
		if r.err != nil {
			failed = append(failed, &RecordError{MessageID: r.delivery.MessageID, Err: r.err})
		}
	}
	return failed
}

// record is one message of an event on its way through the hub.
type record struct {
	delivery taskhawk.Delivery
	logAttrs taskhawk.LogAttrs
	settler  recordSettler
	ordered  bool // of a FIFO queue: in order within its group
	state    state
	err      error // why a finished record is not done
}

// state is the progress of a record.
type state uint8

const (
	waiting state = iota
	running
	over
)

// settleHandled settles a record whose handler has returned. It returns why the record is
// not done.
func (b *batch) settleHandled(ctx context.Context, r *record, handled error) error {
	if b.isClosed() {
		return handled
	}
	done, err := handled == nil, error(nil)
	switch {
	case r.settler.given.Load(): // it may run elsewhere already: Lambda must not delete it
		if done = false; handled == nil {
			handled = errGivenBack
		}
		handled = taskhawk.RetryAfter(0, handled)
	case !done:
		done, err = b.effect(ctx, r, handled)
	}
	if b.hub.Observer() != nil { // without one, the context is an allocation per record
		b.hub.Settled(context.WithoutCancel(ctx), &r.delivery, handled, done, err)
	}
	if done {
		return nil
	}
	return handled
}

// effect settles a record by its outcome, and logs a failure to do so.
func (b *batch) effect(ctx context.Context, r *record, handled error) (done bool, err error) {
	if b.hub.Observer() != nil {
		ctx = taskhawk.ContextWithHub(ctx, b.hub) // lets the requests of the settler find the observer
	}
	ctx, cancel := b.budget.settling(ctx)
	defer cancel()
	done, err = taskhawk.Settle(ctx, &r.delivery, handled, b.config.Backoff)
	if err != nil {
		b.report(ctx, &r.delivery, "settling failed; message stays invisible until its visibility timeout", err)
	}
	return done, err
}

func (b *batch) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// leaveOut finishes the records that did not start, because time ran out (with the cause
// late) or an earlier message failed, and returns them to the queue.
func (b *batch) leaveOut(ctx context.Context, late error) {
	left := b.halt(late)
	if b.config.Settler == nil {
		return
	}
	ctx, cancel := b.budget.settling(ctx)
	defer cancel()
	var group sync.WaitGroup
	for _, r := range left {
		group.Go(func() {
			_, _ = b.effect(ctx, r, taskhawk.RetryAfter(0, r.err)) // it is reported as failed in any case
		})
	}
	group.Wait()
}

// halt stops further starts, and returns the waiting records.
func (b *batch) halt(late error) []*record {
	reason := ErrHeldBack
	if late != nil {
		reason = fmt.Errorf("%w: %w", taskhawk.ErrNoTime, guard.Error(late))
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

// reportLate logs that the timeout of the function does not fit its batches or its tasks.
func (b *batch) reportLate(ctx context.Context, failed []*RecordError) {
	late := 0
	for _, f := range failed {
		if guard.Is(f, taskhawk.ErrNoTime) {
			late++
		}
	}
	if late > 0 {
		b.log(ctx, slog.LevelWarn, "records not started; too little time left in the invocation",
			slog.Int("records", late), slog.Int("of", len(b.records)))
	}
}

func (b *batch) report(ctx context.Context, d *taskhawk.Delivery, text string, err error) {
	b.log(ctx, slog.LevelError, text, slog.Any("", d), guard.ErrorAttr(err))
}

func (b *batch) log(ctx context.Context, level slog.Level, text string, attrs ...slog.Attr) {
	b.hub.Logger().LogAttrs(ctx, level, text, attrs...)
}

// failure returns the error of an invocation, nil without failed records.
func (b *batch) failure(failed []*RecordError) error {
	if len(failed) == 0 {
		return nil
	}
	return &BatchError{Total: len(b.records), Failed: failed}
}

// budget has the time limits of an invocation. Without a deadline, as in tests, all are
// zero: no limit.
type budget struct {
	handlers time.Time // when the contexts of handlers end and starts stop
	answer   time.Time // when the answer is due
}

func newBudget(ctx context.Context, margin time.Duration) budget {
	deadline, ok := ctx.Deadline()
	if !ok {
		return budget{}
	}
	// A short function would start nothing until its records are dead letters.
	margin = max(0, min(margin, time.Until(deadline)/2))
	answer := deadline.Add(-margin)
	return budget{handlers: answer.Add(-margin / 4), answer: answer}
}

// handling returns the context of handlers.
func (b budget) handling(ctx context.Context) (context.Context, context.CancelFunc) {
	if b.handlers.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, b.handlers, ErrDeadline)
}

// settling returns the context of calls that settle a record. It lasts until the answer
// is due, longer than the context of handlers.
func (b budget) settling(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithoutCancel(ctx)
	if b.answer.IsZero() {
		return context.WithTimeout(ctx, settleTimeout)
	}
	return context.WithDeadline(ctx, b.answer)
}

// settleTimeout bounds the calls that settle a record where the invocation has no
// deadline.
const settleTimeout = 25 * time.Second

// timer fires when the answer is due; without a deadline, never.
func (b budget) timer() (fires <-chan time.Time, stop func() bool) {
	if b.answer.IsZero() {
		return nil, func() bool { return false }
	}
	timer := time.NewTimer(time.Until(b.answer))
	return timer.C, timer.Stop
}

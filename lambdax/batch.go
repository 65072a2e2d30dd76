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

// batch runs the records of one invocation. It belongs to that alone: nothing of it
// survives in a warm process but a handler that does not return.
type batch struct {
	hub     *taskhawk.Hub
	config  *SQSConfig
	budget  budget
	records []record

	mu       sync.Mutex
	first    int                   // no record before it waits
	groups   map[string]groupState // of FIFO groups; none for one that is free
	halted   bool                  // nothing is started any more
	closed   bool                  // the answer is made: what handlers still do no longer counts
	workers  int                   // and settlings beside them
	idle     int                   // workers that found nothing to start
	finished chan struct{}         // closed when no worker is left
}

// groupState is why no message of a FIFO group may be started.
type groupState uint8

const (
	groupBusy groupState = iota + 1
	groupFailed
)

// run brings every record to its end, in time, and returns the errors of those that are
// not done.
func (b *batch) run(ctx context.Context) []*RecordError {
	if len(b.records) == 0 {
		return nil
	}
	for i := range b.records {
		b.records[i].delivery.LogAttrs = &b.records[i].logAttrs // now that they do not move any more
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
	guard.Flush(b.hub.Logger()) // Lambda may freeze the process when it has the answer
	return failed
}

// await returns when no worker is left, or the answer has to leave.
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

// work runs records until there is none to start. A handler may end its goroutine by
// runtime.Goexit: another takes over then.
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

// leave ends a worker, or a settling beside them.
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

// next takes the first record that may be started, nil for none. What waits behind a busy
// group is left to the worker that is busy with it.
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
		stops := r.ordered && !b.config.SkipGroupOnError // so nothing may start before it is settled
		if err == nil || stops || b.config.Settler == nil {
			b.finish(r, b.settleHandled(handling, r, err))
			return
		}
		// Beside the next records, so that settling calls share requests instead of
		// coming one after another. A group is busy until its record is settled.
		b.join()
		go func() {
			b.finish(r, b.settleHandled(handling, r, err))
			if r.ordered && b.resume() {
				b.work(handling)
				return
			}
			b.leave(false)
		}()
	}()
	err = b.hub.Handle(handling, &r.delivery)
}

// resume reports whether the caller, which has settled a record of a group, shall go on as
// a worker: all that waits may be of that group, and the workers may have left for it.
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

// finish notes what became of a record, unless the answer has said so already.
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

// mark says why nothing of a record's group may be started. mu must be held.
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
	ordered  bool // of a FIFO queue: one after another within its group
	state    state
	err      error // why it is not done, when it is over
}

// state is how far a record is.
type state uint8

const (
	waiting state = iota
	running
	over
)

// settleHandled gives the outcome of a record whose handler has returned its effect, and
// returns why the record is not done.
func (b *batch) settleHandled(ctx context.Context, r *record, handled error) error {
	if b.isClosed() {
		return handled
	}
	done, err := handled == nil, error(nil)
	if !done {
		done, err = b.effect(ctx, r, handled)
	}
	if b.hub.Observer() != nil { // else the context is an allocation for each record
		b.hub.Settled(context.WithoutCancel(ctx), &r.delivery, handled, done, err)
	}
	if done {
		return nil
	}
	return handled
}

// effect gives an outcome its effect, and logs why it has none.
func (b *batch) effect(ctx context.Context, r *record, handled error) (done bool, err error) {
	if b.hub.Observer() != nil {
		ctx = taskhawk.ContextWithHub(ctx, b.hub) // the requests of the settler find the observer by it
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

// leaveOut ends the records that were not started, because the time is over (of that
// cause) or an earlier message failed, and gives them back.
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

// halt starts nothing any more, and returns what was waiting.
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

// reportLate tells whoever runs the function that its timeout does not fit its batches or
// its tasks.
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

// failure is the error of an invocation with these failures, nil without any.
func (b *batch) failure(failed []*RecordError) error {
	if len(failed) == 0 {
		return nil
	}
	return &BatchError{Total: len(b.records), Failed: failed}
}

// budget is when things have to be over in an invocation. Without a deadline, as in
// tests, all is zero: there is no limit.
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

// settling is the context of calls that settle a record: it has until the answer leaves,
// also when the handlers' context has ended.
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

// timer fires when the answer has to leave; never without a deadline.
func (b budget) timer() (fires <-chan time.Time, stop func() bool) {
	if b.answer.IsZero() {
		return nil, func() bool { return false }
	}
	timer := time.NewTimer(time.Until(b.answer))
	return timer.C, timer.Stop
}

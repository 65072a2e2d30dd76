package taskhawk

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// settleTimeout bounds the calls that settle one message, retries included.
const settleTimeout = 25 * time.Second

// A message that is done and cannot be deleted is hidden for longestHide at most, by a
// call that may take hideTimeout.
const (
	longestHide = time.Hour
	hideTimeout = 5 * time.Second
)

// settling returns a context that a stop does not cancel: work that is done must not be
// done again because a delete was cut off.
func settling(work context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(work), settleTimeout)
}

// settle applies the outcome to the message, unless the lease is lost. It reports whether
// the message is off the queue. The caller has taken the lease by leases.settle.
func (w *Worker) settle(work context.Context, l *lease, handled error) (done bool) {
	// The user's Backoff and the letter may take long, so they come while the lease is
	// extended.
	outcome := w.outcome(work, l.current(), handled)
	result := w.settleAs(work, l, outcome)
	switch result.lease {
	case leaseHolds:
		w.observe(work, l, outcome, result)
	case leaseGivenBack: // in effect a retry at once
		d := l.current()
		w.counters.again(d)
		w.hub.report(work, slog.LevelDebug, "handler gave its message back; outcome has no effect",
			slog.Any("", d), slog.String("outcome", outcome.Action.String()))
		outcome.Action, outcome.Delay, outcome.HasDelay = ActionRetry, 0, true
		w.observe(work, l, outcome, result)
	case leaseLost: // observed when it happened
	}
	return result.done
}

// settled is the result of a settlement.
type settled struct {
	done   bool       // the message is off the queue
	lease  leaseState // if it does not hold, the outcome has no effect
	letter bool       // its dead letter is stored, or the queue makes one
	err    error
}

// settleAs applies the outcome to the message.
func (w *Worker) settleAs(work context.Context, l *lease, outcome Outcome) (result settled) {
	defer w.leases.settled(l)
	if outcome.Action == ActionDeadLetter {
		result = w.sendLetter(work, l, outcome)
		if !result.letter {
			return result
		}
	}
	finished := outcome.Action != ActionRetry
	d, state := l.close(finished)
	result.lease = state
	switch {
	case state == leaseLost && finished:
		l.poller.acked.add(l.message()) // it comes back, and must not run again
		return result
	case state != leaseHolds:
		return result
	case !finished:
		w.leases.forget(l) // it may come back at once
	}
	ctx, cancel := settling(work)
	defer cancel()
	if finished {
		result.err = w.delete(ctx, l, d, outcome)
		result.done = result.err == nil
		return result
	}
	l.delay = outcome.Delay
	if result.err = outcome.retry(ctx, l.poller.queue, d); result.err != nil {
		w.reportUnsettled(ctx, d, outcome.Action, result.err)
		return result
	}
	w.counters.again(d)
	return result
}

// observe reports the settlement of a message to the observer.
func (w *Worker) observe(ctx context.Context, l *lease, outcome Outcome, result settled) {
	if w.hub.observer == nil {
		return
	}
	d := l.current()
	s := w.hub.settlement(d, l.poller.info.Priority)
	s.Outcome, s.Lost, s.Err = outcome, result.lease == leaseLost, result.err
	s.DeadLetter = result.letter || !s.Lost && outcome.Action == ActionRetry && d.lastAttempt()
	w.hub.observer.Settled(context.WithoutCancel(ctx), s)
}

// letterTries is how often a dead letter whose outcome is unknown is sent.
const letterTries = 2

// sendLetter stores the dead letter of a message whose lease is held meanwhile. If it is
// not stored, the message comes back when its visibility timeout is over.
func (w *Worker) sendLetter(work context.Context, l *lease, outcome Outcome) (result settled) {
	for try := 1; ; try++ {
		d, state := l.held()
		if state != leaseHolds { // another worker may send a letter too: send no further one
			result.lease = state
			break
		}
		result.err = func() error {
			ctx, cancel := settling(work)
			defer cancel()
			return outcome.sendLetter(ctx, l.poller.queue, d)
		}()
		if result.err == nil {
			w.counters.dead.Add(1)
			result.letter = true
			return result
		}
		// Without an answer another try may cost a second letter, which is better than
		// another run. A refusal would only be repeated, and a stop does not wait so
		// long.
		if try == letterTries || !errors.Is(result.err, ErrOutcomeUnknown) || work.Err() != nil {
			break
		}
	}
	d, _ := l.close(false)
	if result.err != nil {
		w.reportUnsettled(work, d, ActionDeadLetter, result.err)
	}
	return result
}

// delete deletes a message that is done, or whose letter is stored. It remembers one that
// it cannot delete, so that the task does not run again when it comes back.
func (w *Worker) delete(ctx context.Context, l *lease, d *Delivery, outcome Outcome) error {
	err := l.poller.queue.Delete(ctx, d)
	l.poller.acked.deleted(l.message(), err)
	switch {
	case err != nil:
		l.poller.acked.add(l.message())
		w.reportUnsettled(ctx, d, outcome.Action, err)
	case outcome.Action == ActionDelete:
		w.counters.succeeded.Add(1)
	}
	return err
}

// reportUnsettled counts and logs a message that could not be settled.
func (w *Worker) reportUnsettled(ctx context.Context, d *Delivery, action Action, err error) {
	w.counters.settleFailures.Add(1)
	w.hub.report(ctx, slog.LevelError, "settling failed; message will be delivered again",
		slog.Any("", d), slog.String("outcome", action.String()), guard.ErrorAttr(err))
}

// outcome returns the outcome of a handler with the delay of a retry: none for a handler
// that the stop cut off.
func (w *Worker) outcome(work context.Context, d *Delivery, handled error) Outcome {
	outcome := OutcomeOf(handled)
	if work.Err() != nil {
		outcome.Delay, outcome.HasDelay = w.givingBack(), true
	}
	return outcome.delayed(d, w.config.Backoff)
}

// deleteAgain deletes a message that an earlier delivery has finished. If that fails
// again, it hides the message, each time four times as long: a message that is done
// should not use up its receives and become a dead letter.
func (w *Worker) deleteAgain(work context.Context, p *poller, d *Delivery) {
	ctx, cancel := settling(work)
	defer cancel()
	deleting, cancel := context.WithTimeout(ctx, settleTimeout-hideTimeout)
	defer cancel()
	err := p.queue.Delete(deleting, d)
	p.acked.deleted(p.keyOf(d), err)
	if err == nil {
		return
	}
	attrs := []slog.Attr{slog.Any("", d), guard.ErrorAttr(err)}
	if !p.info.Ordered { // where a hidden message would hold up its group
		hide := Outcome{Action: ActionRetry, Delay: doubled(p.info.Visibility, longestHide, 2*d.Attempt-1)}
		if err := hide.retry(ctx, p.queue, d); err != nil { // it comes back when its visibility timeout is over
			attrs = append(attrs, slog.Any("hide_error", guard.ErrorAttr(err).Value))
		}
	}
	w.hub.report(ctx, slog.LevelError, "delete failed; message is done and will be delivered again", attrs...)
}

// givingBack returns how long a message that is given back stays invisible.
func (w *Worker) givingBack() time.Duration {
	if w.aborted.Load() {
		return abortedPollTTL
	}
	return 0
}

// release gives messages back that were not handled to the end, so that others see them
// at once.
func (w *Worker) release(work context.Context, leases []*lease) {
	w.giveBack(work, leases, &w.counters.released, func(*lease) time.Duration { return w.givingBack() })
}

// postpone gives messages back because the waiting room of their task is full. Later
// messages of a group come again after its first one.
func (w *Worker) postpone(work context.Context, leases []*lease) {
	first := leases[0]
	d := first.current()
	delay := first.limiter.deferral(max(d.Attempt, 1))
	if leftOut, ok := first.limiter.lines.take(); ok {
		w.hub.report(work, slog.LevelWarn, "task at its max concurrency; giving messages back",
			slog.String("task", inLog(nameOf(d))), slog.String("queue", inLog(d.Queue)),
			slog.Float64("delay_ms", milliseconds(delay)), leftOutAttr(leftOut))
	}
	w.giveBack(work, leases, &w.counters.deferred, func(l *lease) time.Duration {
		if l == first {
			return delay
		}
		return 0
	})
}

// giveBack makes messages visible again after a delay, and counts them.
func (w *Worker) giveBack(
	work context.Context, leases []*lease, counter *atomic.Int64, delay func(l *lease) time.Duration,
) {
	ctx, cancel := settling(work)
	defer cancel()
	var group sync.WaitGroup
	for _, l := range leases {
		group.Go(func() {
			d, state := l.close(false)
			w.leases.forget(l)
			if state != leaseHolds {
				return
			}
			back := Outcome{Action: ActionRetry, Delay: delay(l), HasDelay: true}
			err := back.delayed(d, nil).retry(ctx, l.poller.queue, d)
			counter.Add(1)
			if w.hub.lastAttempt(d) {
				w.counters.dead.Add(1)
				w.hub.report(ctx, slog.LevelWarn, "message given back at its last attempt; becomes a dead letter",
					slog.Any("", d))
				w.observe(ctx, l, Outcome{Action: ActionRetry}, settled{letter: true, err: err})
			}
			if err != nil {
				w.hub.report(
					ctx,
					slog.LevelWarn,
					"giving back failed; message stays invisible until its visibility timeout",
					slog.Any("", d),
					guard.ErrorAttr(err),
				)
			}
		})
	}
	group.Wait()
}

// process runs the handler of a message in the slot that the caller has acquired, settles
// the message, and reports whether it is off the queue. The slot is free for another
// handler before the message is settled.
func (w *Worker) process(work context.Context, p *poller, l *lease) (done bool) {
	start := time.Now()
	settled := w.slots.release
	defer func() { settled() }()
	ctx, cancel := context.WithCancelCause(work)
	defer cancel(nil)
	if !l.start(cancel) {
		w.leases.forget(l) // lost while it waited: another worker may hold it
		l.limiter.release()
		return false
	}
	w.leases.run(l)
	w.counters.start(l.current(), start)
	err := errGoexit // unless Handle returns
	defer func() {
		if err == errGoexit { //nolint:errorlint // set as it is
			task, _ := l.logAttrs.names()
			err = w.hub.tasks[task].decide(ctx, l.current(), err)
		}
		took := time.Since(start)
		taken := w.leases.settle(l) // before the slot is free: the handler no longer runs
		settled = w.passSlot()
		l.limiter.observe(took)
		p.governor.returned(took) // after that: it may ask for a message for the free slot
		if taken {
			done = w.settle(work, l, err)
		}
	}()
	err = w.hub.Handle(ctx, l.current())
	return done
}

// passSlot frees the slot of a handler that has returned, unless too many messages are
// being settled outside of slots. It returns the function to call when the message is
// settled.
func (w *Worker) passSlot() (settled func()) {
	select {
	case w.settlements <- struct{}{}:
		w.slots.release()
		return w.settledOutside
	default:
		return w.slots.release // the service is slow: new handlers have to wait for it
	}
}

func (w *Worker) settledOutside() { <-w.settlements }

// lost reports a lease that is lost, because of cause.
func (w *Worker) lost(l *lease, cause error) {
	w.counters.lostLeases.Add(1)
	ctx := context.Background() //nolint:forbidigo // an extension has no caller
	w.hub.report(ctx, slog.LevelWarn, "lease lost; message will be delivered again",
		slog.Any("", l.current()), guard.ErrorAttr(cause))
	w.observe(ctx, l, Outcome{}, settled{lease: leaseLost})
}

// extensionFailed reports that extensions fail, in one line a minute for all messages.
func (w *Worker) extensionFailed(l *lease, err error) {
	leftOut, ok := w.extensions.take()
	if !ok {
		return
	}
	ctx := context.Background() //nolint:forbidigo // an extension has no caller
	w.hub.report(ctx, slog.LevelWarn, "visibility extension failed; retrying",
		slog.Any("", l.current()), leftOutAttr(leftOut), guard.ErrorAttr(err))
}

// minuteLine lets one log line a minute through. The zero value is ready.
type minuteLine struct {
	mu      sync.Mutex
	written time.Time
	leftOut int
}

// take reports whether the line may be written now, and how many were left out since the
// last one.
func (m *minuteLine) take() (leftOut int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.written) < reportEvery {
		m.leftOut++
		return 0, false
	}
	leftOut = m.leftOut
	m.written, m.leftOut = time.Now(), 0
	return leftOut, true
}

// leftOutAttr counts the lines that were left out. For none it is the empty attribute, which
// handlers of slog ignore.
func leftOutAttr(n int) slog.Attr {
	if n == 0 {
		return slog.Attr{}
	}
	return slog.Int("left_out", n)
}

// minAckMemory is how many messages the ack memory of a queue remembers at least, a few
// hundred bytes each.
const minAckMemory = 4096

// strainedAfter is how many deletes in a row must fail before a full memory slows
// receives down: a single failure is no reason.
const strainedAfter = 10

// ackMemory remembers the messages of a queue that are done and could not be deleted.
// When they come back they are deleted, not run again. A full memory forgets the oldest
// message.
type ackMemory struct {
	limit int
	lines minuteLine

	mu       sync.Mutex
	done     map[messageKey]*list.Element
	order    list.List // of messageKey, the oldest first
	failures int       // deletes that failed since one succeeded
	err      error     // of the last of them
}

// newAckMemory makes a memory for a worker that holds up to inFlight messages of the
// queue. Receives slow down when a quarter of it is left, which has room for all
// messages in flight.
func newAckMemory(inFlight int) *ackMemory {
	return &ackMemory{limit: max(minAckMemory, 4*inFlight), done: map[messageKey]*list.Element{}}
}

// add remembers a message that is done. One without an id cannot be recognized.
func (m *ackMemory) add(key messageKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.done[key]; ok || key.id == "" {
		return
	}
	if len(m.done) == m.limit {
		oldest, _ := m.order.Remove(m.order.Front()).(messageKey)
		delete(m.done, oldest)
	}
	m.done[key] = m.order.PushBack(key)
}

// has reports whether the message is done.
func (m *ackMemory) has(key messageKey) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.done[key]
	return ok
}

// deleted records the result of a delete. It forgets a message that is deleted.
func (m *ackMemory) deleted(key messageKey, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.failures++
		m.err = err
		return
	}
	m.failures, m.err = 0, nil
	if element, ok := m.done[key]; ok {
		m.order.Remove(element)
		delete(m.done, key)
	}
}

// strained reports whether receives must slow down: deletes fail, and little room is
// left. Messages received beyond that would run again at every visibility timeout.
func (m *ackMemory) strained() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failures >= strainedAfter && len(m.done) >= m.limit/4*3
}

// line returns the attributes of the line about failing deletes, and reports whether it
// may be written now.
func (m *ackMemory) line() (attrs []slog.Attr, write bool) {
	_, write = m.lines.take()
	if !write {
		return nil, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return []slog.Attr{
		slog.Int("not_deleted", len(m.done)), slog.Int("failures", m.failures), guard.ErrorAttr(m.err),
	}, true
}

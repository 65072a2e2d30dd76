package taskhawk

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// settleTimeout bounds the calls that settle one message, retries included.
const settleTimeout = 25 * time.Second

// A message that is done and cannot be deleted is hidden for longestHide at most, by a call that may take hideTimeout.
const (
	longestHide = time.Hour
	hideTimeout = 5 * time.Second
)

// settling returns a context that a stop does not cancel: work that is done must not be done again because a delete was
// cut off.
func settling(work context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(work), settleTimeout)
}

// settle does with the message what the outcome says, unless the lease is lost. It reports whether the message is off the queue. The
// caller has taken the lease by leases.settle.
func (w *Worker) settle(work context.Context, l *lease, handled error) (done bool) {
	defer w.leases.settled(l)
	outcome := w.outcome(work, l.current(), handled) // while the lease is extended: it calls the user's Backoff
	d, holds := l.close()
	if !holds {
		if outcome.Action == ActionDelete {
			w.acked.add(l.key)
		}
		return false
	}
	switch outcome.Action {
	case ActionRetry:
		w.leases.forget(l)
	case ActionDelete:
		l.finish()
	case ActionDeadLetter:
	}
	ctx, cancel := settling(work)
	defer cancel()
	err := apply(ctx, l.queue, d, outcome)
	w.counters.settle(d, outcome.Action, err)
	if err == nil {
		return outcome.Action != ActionRetry
	}
	if outcome.Action == ActionDelete {
		w.acked.add(l.key)
	}
	w.hub.report(ctx, slog.LevelError, "cannot settle a message, it will be delivered again",
		slog.Any("", d), slog.String("outcome", outcome.Action.String()), guard.ErrorAttr(err))
	return false
}

// apply survives a panic of the transport.
func apply(ctx context.Context, queue Queue, d *Delivery, outcome Outcome) (err error) {
	if outcome.Action != ActionDelete {
		return outcome.apply(ctx, queue, d)
	}
	defer recoverTo(&err)
	return queue.Delete(ctx, d)
}

// outcome is OutcomeOf with the delay of a retry filled in: none for a handler that the stop cut off.
func (w *Worker) outcome(work context.Context, d *Delivery, handled error) Outcome {
	outcome := OutcomeOf(handled)
	if work.Err() != nil {
		outcome.Delay, outcome.HasDelay = w.givingBack(), true
	}
	return outcome.delayed(d, w.config.Backoff)
}

// deleteAgain deletes a message whose handler succeeded at an earlier delivery. When that fails again it hides the message, each
// time four times as long: what is done should not use up its receives and become a dead letter.
func (w *Worker) deleteAgain(work context.Context, queue Queue, d *Delivery) {
	ctx, cancel := settling(work)
	defer cancel()
	deleting, cancel := context.WithTimeout(ctx, settleTimeout-hideTimeout)
	defer cancel()
	err := apply(deleting, queue, d, Outcome{Action: ActionDelete})
	if err == nil {
		return
	}
	w.hub.report(ctx, slog.LevelError, "cannot delete a message that is done, it will be delivered again",
		slog.Any("", d), guard.ErrorAttr(err))
	if info := queue.Info(); !info.Ordered { // where it would hold up its group
		hide := Outcome{Action: ActionRetry, Delay: doubled(info.Visibility, longestHide, 2*d.Attempt-1)}
		_ = apply(ctx, queue, d, hide) // failing that, it comes back when its visibility timeout is over
	}
}

// givingBack is how long a message that is given back stays invisible.
func (w *Worker) givingBack() time.Duration {
	if w.aborted.Load() {
		return abortedPollTTL
	}
	return 0
}

// release gives messages back that were not handled to the end, so that others see them at once.
func (w *Worker) release(work context.Context, leases []*lease) {
	ctx, cancel := settling(work)
	defer cancel()
	var group sync.WaitGroup
	for _, l := range leases {
		group.Go(func() {
			d, holds := l.close()
			w.leases.forget(l)
			if !holds {
				return
			}
			err := apply(ctx, l.queue, d, Outcome{Action: ActionRetry, Delay: w.givingBack()})
			w.counters.released.Add(1)
			if d.lastAttempt() {
				w.counters.dead.Add(1)
				w.hub.report(ctx, slog.LevelWarn, "message given back at its last attempt; becomes a dead letter",
					slog.Any("delivery", d))
			}
			if err != nil {
				w.hub.report(ctx, slog.LevelWarn, "cannot give a message back, it stays invisible until its visibility timeout",
					slog.Any("", d), guard.ErrorAttr(err))
			}
		})
	}
	group.Wait()
}

// process runs the handler of a message in the slot that the caller has acquired, settles the message, and reports whether
// it is off the queue. The slot is free for another handler before the message is settled.
func (w *Worker) process(work context.Context, p *poller, l *lease) (done bool) {
	start := time.Now()
	settled := w.slots.release
	defer func() { settled() }()
	ctx, cancel := context.WithCancelCause(work)
	defer cancel(nil)
	if !l.start(cancel) {
		w.leases.forget(l) // lost while it waited: somebody else has it
		return false
	}
	w.leases.run(l)
	w.counters.start(l.current(), start)
	err := errGoexit // unless Handle returns
	defer func() {
		took := time.Since(start)
		taken := w.leases.settle(l) // before the slot is another's: it is none of the running any more
		settled = w.passSlot()
		p.governor.returned(took) // after that: it may ask for a message for the free slot
		if taken {
			done = w.settle(work, l, err)
		}
	}()
	err = w.hub.Handle(ctx, l.current())
	return done
}

// passSlot frees the slot of a handler that has returned, if no more messages are being settled outside of slots than may be,
// and returns what to call when its message is settled.
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

// lost is called when the lease on a message is lost.
func (w *Worker) lost(l *lease) {
	w.counters.lostLeases.Add(1)
	ctx := context.Background() //nolint:forbidigo // a heartbeat has no caller
	w.hub.report(ctx, slog.LevelWarn, "lease lost; message will be delivered again",
		slog.Any("", l.current()))
}

// ackMemorySize is how many messages are remembered, a few hundred bytes each.
const ackMemorySize = 4096

// ackMemory remembers messages whose handler succeeded and whose delete did not: when they come back they are deleted, not run
// again. It forgets the oldest when it is full.
type ackMemory struct {
	mu    sync.Mutex
	done  map[messageKey]struct{}
	order []messageKey // a ring, next is the oldest once it is full
	next  int
}

func (m *ackMemory) add(key messageKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.done[key]; ok || key.id == "" {
		return
	}
	if m.done == nil {
		m.done = map[messageKey]struct{}{}
	}
	if len(m.order) < ackMemorySize {
		m.order = append(m.order, key)
	} else {
		delete(m.done, m.order[m.next])
		m.order[m.next] = key
		m.next = (m.next + 1) % ackMemorySize
	}
	m.done[key] = struct{}{}
}

func (m *ackMemory) has(key messageKey) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.done[key]
	return ok
}

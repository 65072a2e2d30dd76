package taskhawk

import (
	"context"
	"errors"
	"sync"
	"time"
)

// lease is a message that this worker holds: received, and not settled. It extends the visibility timeout by itself at
// half of it, until it is closed or lost.
type lease struct {
	key        messageKey
	queue      Queue
	visibility time.Duration // 0: the queue has none
	onLost     func(l *lease)
	running    time.Time // since when its handler runs; zero when none does. The set of leases guards it.
	logAttrs   LogAttrs  // of all its deliveries

	mu       sync.Mutex
	delivery *Delivery     // the last receipt, if the message came more than once
	until    time.Time     // when the message becomes visible to others
	timer    *time.Timer   // of the next extension
	beating  chan struct{} // closed when the extension under way is over; nil when none is
	closed   bool          // no more extensions: settled, or given back by hand
	done     bool          // closed, and the handler is done with the message
	lost     bool
	cancel   context.CancelCauseFunc // of the handler's context; nil before it runs
}

func newLease(d *Delivery, queue Queue, onLost func(*lease)) *lease {
	l := &lease{key: keyOf(d), queue: queue, visibility: queue.Info().Visibility, onLost: onLost}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hold(d)
	return l
}

// hold takes a delivery as the one to extend and settle, with this lease in the place of its settler.
func (l *lease) hold(d *Delivery) {
	held := *d
	held.Settler = l
	if held.LogAttrs == nil {
		held.LogAttrs = &l.logAttrs
	}
	l.delivery = &held
	if held.Received.IsZero() {
		held.Received = time.Now() // a transport may not say; a lease that ended long ago would be lost at once
	}
	if l.visibility > 0 {
		l.until = held.Received.Add(l.visibility)
		l.schedule()
	}
}

// schedule sets the timer of the next extension: when half a visibility timeout is left, or where no extension can reach further,
// of its loss: a moment before others can see the message.
func (l *lease) schedule() {
	before := lastMoment
	if l.extendable() {
		before = l.visibility / 2
	}
	wait := max(time.Until(l.until)-before, minBeat)
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.beat)
		return
	}
	l.timer.Reset(wait)
}

// extendable reports whether an extension could reach further than the lease does.
func (l *lease) extendable() bool {
	ends := l.delivery.LeaseEnds
	return ends.IsZero() || l.until.Before(ends.Add(-lastMoment))
}

// The bounds of the waits between extensions: never a tight loop, and soon again after one that failed.
const (
	minBeat   = 100 * time.Millisecond
	retryBeat = time.Second
)

// lastMoment is how long before the end of all leases on it a message counts as lost: the clock of the service began to run when it
// sent the message.
const lastMoment = time.Second

// current returns the delivery with the last receipt.
func (l *lease) current() *Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delivery
}

// adopt takes over another delivery of the same message, whose receipt replaces the one that is held. It reports false when
// the lease is over, so that the delivery is none of its.
func (l *lease) adopt(d *Delivery) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.lost {
		return false
	}
	l.hold(d)
	return true
}

// finish notes that the handler of a closed lease is done with the message.
func (l *lease) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = true
}

// isDone reports whether the handler is done with the message, so that every delivery of it may be deleted.
func (l *lease) isDone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}

// beat extends the lease once, and plans the next time.
func (l *lease) beat() {
	d, more, ok := l.begin()
	if !ok {
		return
	}
	extension := l.visibility
	if !d.LeaseEnds.IsZero() {
		extension = min(extension, time.Until(d.LeaseEnds)-lastMoment)
	}
	err := ErrVisibilityLost
	start := time.Now()
	if more && (extension >= time.Second || extension == l.visibility) {
		err = l.extend(d, extension)
	}
	if l.end(d, start.Add(extension), err) {
		l.onLost(l)
	}
}

func (l *lease) extend(d *Delivery, extension time.Duration) (err error) {
	defer recoverTo(&err)
	ctx, cancel := context.WithDeadline(context.Background(), l.deadline()) //nolint:forbidigo // a heartbeat has no caller
	defer cancel()
	return l.queue.SetVisibility(ctx, d, extension)
}

func (l *lease) deadline() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until
}

// begin returns what to extend, and whether that can reach further.
func (l *lease) begin() (d *Delivery, more, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.lost || l.beating != nil {
		return nil, false, false
	}
	l.beating = make(chan struct{})
	return l.delivery, l.extendable(), true
}

// end records what became of an extension, and reports whether the lease is lost by it.
func (l *lease) end(d *Delivery, until time.Time, err error) (lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.beating)
	l.beating = nil
	switch {
	case l.closed || l.lost:
		return false
	case d != l.delivery: // another receipt replaced it meanwhile; its timer runs
		l.schedule()
		return false
	case err == nil:
		l.until = until
		l.schedule()
		return false
	case !errors.Is(err, ErrVisibilityLost) && time.Now().Before(l.until):
		left := time.Until(l.until)
		l.timer.Reset(min(max(min(retryBeat, left/2), minBeat), left))
		return false
	}
	l.lose()
	return true
}

// lose ends the handler: somebody else may run the task already.
func (l *lease) lose() {
	l.lost = true
	if l.cancel != nil {
		l.cancel(ErrVisibilityLost)
	}
}

// start gives the lease the context of the handler to end; it reports false when the lease was lost before.
func (l *lease) start(cancel context.CancelCauseFunc) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel = cancel
	return !l.lost
}

// close ends the extensions, waits for one that is under way, and reports whether the lease still holds. After that nothing
// but the settlement touches the message, so that no late extension overrides it. One that hangs is waited for until a quarter of
// the visibility timeout is left: a message that is done must be deleted before others see it again.
func (l *lease) close() (d *Delivery, holds bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	if beating := l.beating; beating != nil {
		patience := time.Until(l.until) - l.visibility/4
		l.mu.Unlock()
		within(patience, beating)
		l.mu.Lock()
	}
	return l.delivery, !l.lost
}

// SetVisibility is the settler of handlers that extend by hand.
func (l *lease) SetVisibility(ctx context.Context, _ *Delivery, timeout time.Duration) error {
	start := time.Now()
	err := l.queue.SetVisibility(ctx, l.current(), timeout)
	if err != nil && !errors.Is(err, ErrVisibilityLost) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil && !l.closed && !l.lost:
		l.lose()
	case err == nil && timeout == 0:
		l.closed = true
	case err == nil && !l.closed && l.visibility > 0:
		l.until = start.Add(timeout)
		l.schedule()
	}
	return err
}

// DeadLetter is the settler of nobody: a handler asks for it by Permanent.
func (l *lease) DeadLetter(ctx context.Context, _ *Delivery, letter DeadLetter) error {
	return l.queue.DeadLetter(ctx, l.current(), letter)
}

// messageKey identifies a message over all its deliveries.
type messageKey struct{ queue, id string }

func keyOf(d *Delivery) messageKey { return messageKey{d.Queue, d.MessageID} }

// leases is the set of messages that a worker holds. Who takes a lease out of it may settle the message: the goroutine of
// the handler, or the stop that gives up on the handler, never both.
type leases struct {
	mu       sync.Mutex
	held     map[messageKey]*lease
	running  int // how many of those held
	settling int
}

func newLeases() *leases { return &leases{held: map[messageKey]*lease{}} }

// add holds a message; it returns the lease that holds it already when it was delivered twice.
func (s *leases) add(d *Delivery, create func() *lease) (l *lease, held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, held = s.held[keyOf(d)]; held {
		return l, true
	}
	l = create()
	s.held[keyOf(d)] = l
	return l, false
}

// run marks that the handler of l is running.
func (s *leases) run(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.running = time.Now()
	s.running++
}

// settle takes l from its handler, and reports false when a stop has taken it before; settled must follow.
func (s *leases) settle(l *lease) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.running.IsZero() {
		return false
	}
	s.halt(l)
	s.settling++
	return true
}

func (s *leases) halt(l *lease) {
	l.running = time.Time{}
	s.running--
}

// settled forgets a lease that settle has taken.
func (s *leases) settled(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settling--
	s.drop(l)
}

// forget forgets a lease before its message is given back: it may come again at once, and is another lease then.
func (s *leases) forget(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(l)
}

// drop leaves alone a lease that has taken the place of l.
func (s *leases) drop(l *lease) {
	if s.held[l.key] == l {
		delete(s.held, l.key)
	}
}

// abandon takes all that is running, and counts what is being settled.
func (s *leases) abandon() (running []*lease, settling int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.held {
		if !l.running.IsZero() {
			running = append(running, l)
			s.halt(l)
			s.drop(l)
		}
	}
	return running, s.settling
}

// counts returns how many handlers run, and how many messages are being settled.
func (s *leases) counts() (running, settling int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running, s.settling
}

// longest returns how long the handler that has run longest runs by now; 0 when none does.
func (s *leases) longest() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	first := now
	for _, l := range s.held {
		if !l.running.IsZero() && l.running.Before(first) {
			first = l.running
		}
	}
	return now.Sub(first)
}

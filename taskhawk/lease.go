package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// lease is the lease of this worker on a message that it has received and not settled.
// It extends the visibility timeout by itself, at half of it, until it is closed or
// lost. It outlives the handler: it is held until the message is settled.
//
// Only one change of the visibility timeout is in flight at a time, by the lease or by
// the handler. Of two in flight, the one that takes effect last may not be the one that
// answers last. The service and the worker would then have different ends of the lease.
type lease struct {
	poller   *poller
	first    Delivery      // what it was made with; never changes
	running  time.Duration // start of its handler by leases.now, 0 when none runs; guarded by the set of leases
	logAttrs LogAttrs      // of all its deliveries
	ended    chan struct{} // closed when the set drops it; nil while nothing waits for that; guarded by the set
	replaced bool          // another lease holds the message; guarded by the set
	limiter  *limiter      // of its task, nil for none; only the goroutine of its sequence uses it
	delay    time.Duration // of its retry; only the goroutine that settles the message uses it

	mu       sync.Mutex
	delivery *Delivery               // the last receipt, if the message came more than once
	until    time.Time               // when the message becomes visible to others
	timer    *time.Timer             // of the next extension
	changing chan struct{}           // closed when the change in flight ends; nil if there is none
	failure  error                   // of the last extension; nil when it succeeded
	lost     bool                    // until another delivery of the message renews it
	closed   bool                    // no more changes: being settled, or given back
	over     bool                    // closed for good: no other delivery can renew it
	done     bool                    // over, and the handler is done with the message
	giving   bool                    // the change in flight gives the message back, as its handler asked
	given    bool                    // over, because the handler gave the message back
	cancel   context.CancelCauseFunc // of the context that ends with the lease; nil while there is none
}

func newLease(d *Delivery, p *poller) *lease {
	l := &lease{poller: p, first: *d}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hold(&l.first)
	return l
}

// visibility is the visibility timeout of the queue; 0 if it has none.
func (l *lease) visibility() time.Duration { return l.poller.info.Visibility }

// hold takes a delivery as the one to extend and settle, with this lease in the place of
// its settler. The lease owns held. mu must be held.
func (l *lease) hold(held *Delivery) {
	held.Settler = l
	if held.LogAttrs == nil {
		held.LogAttrs = &l.logAttrs
	}
	l.delivery = held
	if held.Received.IsZero() {
		held.Received = time.Now() // a transport may not say; a lease that ended long ago would be lost at once
	}
	// Without a visibility timeout nothing ends the lease, and nothing is to be extended.
	if l.visibility() > 0 && !l.closed {
		l.until = held.Received.Add(l.visibility())
		l.schedule()
	}
}

// The waits between extensions.
const (
	minExtensionWait = 100 * time.Millisecond // never a tight loop
	extensionRetry   = time.Second            // after one that failed
)

// leaseMargin is how long before its end at the service a lease counts as lost here: the
// service counts from when it sent the message.
const leaseMargin = time.Second

// schedule sets the timer of the next extension to when half a visibility timeout is
// left. If no extension can reach further, it sets the timer to the loss of the lease, a
// moment before others can see the message. mu must be held.
func (l *lease) schedule() {
	before := leaseMargin
	if l.extendable() {
		before = l.visibility() / 2
	}
	l.wake(max(time.Until(l.until)-before, minExtensionWait))
}

// wake sets the timer. mu must be held.
func (l *lease) wake(wait time.Duration) {
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.extend)
		return
	}
	l.timer.Reset(wait)
}

// stopTimer stops the timer of the next extension. There is none on a queue without a
// visibility timeout. mu must be held.
func (l *lease) stopTimer() {
	if l.timer != nil {
		l.timer.Stop()
	}
}

// extendable reports whether an extension could reach further than the lease does. mu
// must be held.
func (l *lease) extendable() bool {
	ends := l.delivery.LeaseEnds
	return ends.IsZero() || l.until.Before(ends.Add(-leaseMargin))
}

// current returns the delivery with the last receipt.
func (l *lease) current() *Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delivery
}

// leaseState is what a settlement finds.
type leaseState uint8

const (
	leaseHolds leaseState = iota
	leaseLost
	leaseGivenBack // by the handler
)

// held returns the delivery with the last receipt, and the state of the lease.
func (l *lease) held() (*Delivery, leaseState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delivery, l.state()
}

// state returns the state of the lease. mu must be held.
func (l *lease) state() leaseState {
	switch {
	case l.given:
		return leaseGivenBack
	case l.lost:
		return leaseLost
	}
	return leaseHolds
}

// giveUp ends the lease because the handler has given the message back. The handler goes
// on without a lease. mu must be held.
func (l *lease) giveUp() {
	l.given, l.over, l.closed = true, true, true
	l.stopTimer()
}

// holding is what a worker does with a delivery: it depends on what the worker knows of
// the message.
type holding uint8

const (
	unheld  holding = iota // it is new, or was given back: it runs under a lease
	adopted                // it is held already: the lease goes on with the new receipt
	done                   // its handler is done with it: it must be deleted
)

// adopt takes over another delivery of the same message, whose receipt replaces the held
// one. A lease that was lost holds again: the message must not be received a third time
// because its handler still runs. The handler's context stays cancelled.
func (l *lease) adopt(d *Delivery) holding {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.done:
		return done
	case l.giving: // it comes back before the call that gave it back has returned
		l.giveUp()
		return unheld
	case l.over:
		return unheld
	}
	held := *d
	l.lost, l.failure = false, nil
	l.hold(&held)
	return adopted
}

// errLeaseLimit is the cause if a lease is lost that no extension can keep.
var errLeaseLimit = errors.New("longest lease of the service exceeded")

// extend extends the lease once and schedules the next extension. The timer calls it.
func (l *lease) extend() {
	d, until, more, ok := l.beginExtension()
	if !ok {
		return
	}
	extension := l.visibility()
	if !d.LeaseEnds.IsZero() {
		extension = min(extension, time.Until(d.LeaseEnds)-leaseMargin)
	}
	start := time.Now()
	var err error
	switch {
	case !more || extension < time.Second && extension < l.visibility():
		// The service would refuse what reaches past its limit, and counts whole seconds.
		err = fmt.Errorf("%w: %w", ErrVisibilityLost, errLeaseLimit)
	case !start.Before(until):
		err = ErrVisibilityLost // no time is left for a call; the error of the last one is the cause
	default:
		err = l.change(context.Background(), d, extension, until) //nolint:forbidigo // an extension has no caller
	}
	lost, cause := l.endExtension(d, start.Add(extension), err)
	switch {
	case lost:
		l.poller.worker.lost(l, cause)
	case err != nil:
		l.poller.worker.extensionFailed(l, err)
	}
}

// beginExtension returns the delivery to extend, the end of the lease, and whether an
// extension can reach further. It reports false if there is nothing to do.
func (l *lease) beginExtension() (d *Delivery, until time.Time, more, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.lost || l.changing != nil { // the change in flight schedules the next extension when it ends
		return nil, time.Time{}, false, false
	}
	l.changing = make(chan struct{})
	return l.delivery, l.until, l.extendable(), true
}

// endExtension records the result of an extension, and reports whether the lease is lost
// by it, and why.
func (l *lease) endExtension(d *Delivery, until time.Time, err error) (lost bool, cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed()
	switch {
	case l.closed || l.lost:
		return false, nil
	case d != l.delivery: // another receipt has replaced it: the result for the old one means nothing
		l.schedule()
		return false, nil
	case err == nil:
		l.failure, l.until = nil, until
		l.schedule()
		return false, nil
	}
	// A call that was cut off at the end of the lease, or not made any more, says less
	// than the error before it.
	if l.failure == nil ||
		!errors.Is(err, context.DeadlineExceeded) &&
			err != ErrVisibilityLost { //nolint:errorlint // the bare one has no cause
		l.failure = err
	}
	if left := time.Until(l.until); left > 0 && !errors.Is(err, ErrVisibilityLost) {
		l.wake(min(max(min(extensionRetry, left/2), minExtensionWait), left))
		return false, nil
	}
	l.lose()
	return true, l.failure
}

// changed ends the change in flight. mu must be held.
func (l *lease) changed() {
	close(l.changing)
	l.changing = nil
}

// change makes the call of a visibility change, which ends when the lease does.
func (l *lease) change(ctx context.Context, d *Delivery, timeout time.Duration, until time.Time) error {
	if l.visibility() > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, until)
		defer cancel()
	}
	return l.poller.queue.SetVisibility(ctx, d, timeout)
}

// lose ends the handler, since another worker may run the task already. mu must be held.
func (l *lease) lose() {
	l.lost = true
	l.stopTimer()
	if l.cancel != nil {
		l.cancel(ErrVisibilityLost)
	}
}

// start stores the function that cancels the handler, or its wait for a permit. It
// reports false if the lease is already lost. Then the message does not run under it.
func (l *lease) start(cancel context.CancelCauseFunc) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel = cancel
	if l.lost {
		l.closed, l.over = true, true
	}
	return !l.lost
}

// close ends the extensions, waits for a change in flight, and returns the state of the
// lease. After that only the settlement touches the message, so that no late extension
// overrides it. finished reports whether the handler is done with the message, so that
// every later delivery of it may be deleted.
func (l *lease) close(finished bool) (*Delivery, leaseState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.stopTimer()
	if changing := l.changing; changing != nil {
		// Wait for a change that hangs only until a quarter of the visibility timeout is
		// left: a message that is done must be deleted before others see it again.
		patience := time.Until(l.until) - l.visibility()/4
		l.mu.Unlock()
		within(patience, changing)
		l.mu.Lock()
	}
	l.over, l.done = true, finished && !l.given
	return l.delivery, l.state()
}

// SetVisibility implements Settler for handlers, which reach it by [ExtendVisibility].
// It waits for an extension in flight, and the next extension waits for it.
func (l *lease) SetVisibility(ctx context.Context, _ *Delivery, timeout time.Duration) error {
	d, until, err := l.beginByHand(ctx, timeout)
	if err != nil {
		return err
	}
	start := time.Now()
	err = l.change(ctx, d, timeout, until)
	if l.endByHand(d, start.Add(timeout), timeout, err) {
		l.poller.worker.lost(l, err)
	}
	return err
}

// beginByHand waits until no change is in flight, and begins one. It returns
// ErrVisibilityLost if the lease has ended: a message that is settled or given back must
// not be hidden again.
func (l *lease) beginByHand(ctx context.Context, timeout time.Duration) (d *Delivery, until time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && !l.lost {
		changing := l.changing
		if changing == nil {
			l.changing, l.giving = make(chan struct{}), timeout == 0
			return l.delivery, l.until, nil
		}
		l.mu.Unlock()
		select {
		case <-changing:
		case <-ctx.Done():
		}
		l.mu.Lock()
		if ctx.Err() != nil {
			return nil, time.Time{}, context.Cause(ctx)
		}
	}
	return nil, time.Time{}, ErrVisibilityLost
}

// endByHand records the result of a change that the handler asked for, and reports
// whether the lease is lost by it.
func (l *lease) endByHand(d *Delivery, until time.Time, timeout time.Duration, err error) (lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed()
	l.giving = false
	switch {
	case l.closed || l.lost:
		return false
	case errors.Is(err, ErrVisibilityLost):
		l.lose()
		return true
	case err == nil && timeout == 0:
		l.giveUp()
		return false
	case l.visibility() == 0:
		return false
	case d != l.delivery: // another receipt has replaced it: the result for the old one means nothing
	case err == nil:
		l.until = until
	case errors.Is(err, ErrOutcomeUnknown) && until.Before(l.until):
		l.until = until // the service may have done it: the earlier end is the safe one
	}
	l.schedule()
	return false
}

// DeadLetter implements Settler. Handlers reach it by returning [Permanent].
func (l *lease) DeadLetter(ctx context.Context, _ *Delivery, letter DeadLetter) error {
	return l.poller.queue.DeadLetter(ctx, l.current(), letter)
}

// Delete implements Settler. Handlers reach it by returning nil.
func (l *lease) Delete(ctx context.Context, _ *Delivery) error {
	return l.poller.queue.Delete(ctx, l.current())
}

// messageKey identifies a message over all its deliveries.
type messageKey struct {
	poller  *poller // of its queue
	id      string
	unnamed *lease // of a message without an id, or with a later lease, so that no other is equal to it
}

func (p *poller) keyOf(d *Delivery) messageKey { return messageKey{poller: p, id: d.MessageID} }

// message is the key of the message. Messages without an id have the same.
func (l *lease) message() messageKey { return l.poller.keyOf(&l.first) }

// key is the key in the set of leases, whose mutex must be held.
func (l *lease) key() messageKey {
	if l.first.MessageID == "" || l.replaced {
		return messageKey{poller: l.poller, unnamed: l}
	}
	return l.message()
}

// leases is the set of leases that a worker holds. The goroutine of the handler, or the
// stop that gives up on the handler, takes a lease out of the set. Only the one that
// took it may settle the message.
type leases struct {
	made time.Time

	mu       sync.Mutex
	held     map[messageKey]*lease
	running  int // how many of the held ones have a running handler
	settling int
}

func newLeases() *leases { return &leases{made: time.Now(), held: map[messageKey]*lease{}} }

// now returns the time since s was made, never zero.
func (s *leases) now() time.Duration { return time.Since(s.made) + 1 }

// add holds the message of a delivery under a new lease, or under the lease that it has
// already because it was delivered twice. There is none if it is done. Each delivery
// without a message id gets a new lease.
func (s *leases) add(d *Delivery, p *poller) (*lease, holding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.held[p.keyOf(d)]; ok {
		if h := l.adopt(d); h != unheld {
			p.worker.counters.duplicates.Add(1)
			return l, h
		}
		// Its handler may still run, and gave the message back.
		delete(s.held, l.key())
		l.replaced = true
		s.held[l.key()] = l
	}
	// A lease is dropped after its message is remembered, so one of the two is there.
	if p.acked.has(p.keyOf(d)) {
		p.worker.counters.alreadyDone.Add(1)
		return nil, done
	}
	l := newLease(d, p)
	s.held[l.key()] = l
	return l, unheld
}

// run marks that the handler of l is running.
func (s *leases) run(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.running = s.now()
	s.running++
}

// settle takes l from its handler, and reports false if a stop has taken it before. The
// caller must then call settled.
func (s *leases) settle(l *lease) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.running == 0 {
		return false
	}
	s.halt(l)
	s.settling++
	return true
}

// halt marks that the handler of l no longer counts. mu must be held.
func (s *leases) halt(l *lease) {
	l.running = 0
	s.running--
}

// settled forgets a lease that settle has taken.
func (s *leases) settled(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settling--
	s.drop(l)
}

// forget forgets a lease before its message is given back: it may come again at once,
// under another lease.
func (s *leases) forget(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(l)
}

// await waits until the message of l is settled or given back, or ctx ends. It reports
// whether the handler is done with it.
func (s *leases) await(ctx context.Context, l *lease) (finished bool) {
	s.mu.Lock()
	if s.held[l.key()] == l && l.ended == nil {
		l.ended = make(chan struct{})
	}
	ended := l.ended
	s.mu.Unlock()
	if ended != nil {
		select {
		case <-ended:
		case <-ctx.Done():
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}

// drop removes l, but not a lease that has taken its place. mu must be held.
func (s *leases) drop(l *lease) {
	if l.ended != nil {
		close(l.ended)
		l.ended = nil
	}
	if s.held[l.key()] == l {
		delete(s.held, l.key())
	}
}

// abandon takes all leases whose handlers run, and counts those being settled.
func (s *leases) abandon() (running []*lease, settling int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.held {
		if l.running != 0 {
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

// longest returns how long the handler that started first has been running; 0 if none
// runs.
func (s *leases) longest() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	first := now
	for _, l := range s.held {
		if l.running != 0 {
			first = min(first, l.running)
		}
	}
	return now - first
}

package taskhawk

import (
	"context"
	"errors"
	"sync"
	"time"
)

// claim is a message that this worker holds: received, and not settled. It extends the visibility timeout by itself at
// half of it, until it is closed or lost.
type claim struct {
	key        messageKey
	queue      Queue
	visibility time.Duration // 0: the queue has none
	onLost     func(c *claim)
	running    time.Time // since when its handler runs; zero when none does. The set of claims guards it.

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

func newClaim(d *Delivery, queue Queue, onLost func(*claim)) *claim {
	c := &claim{key: keyOf(d), queue: queue, visibility: queue.Info().Visibility, onLost: onLost}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold(d)
	return c
}

// hold takes a delivery as the one to extend and settle, with this claim in the place of its settler.
func (c *claim) hold(d *Delivery) {
	held := *d
	held.Settler = c
	c.delivery = &held
	if c.visibility > 0 {
		c.until = d.Received.Add(c.visibility)
		c.schedule()
	}
}

// schedule sets the timer of the next extension: when half a visibility timeout is left, or where no extension can reach further,
// of its loss: a moment before others can see the message.
func (c *claim) schedule() {
	before := lastMoment
	if c.extendable() {
		before = c.visibility / 2
	}
	wait := max(time.Until(c.until)-before, minBeat)
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.beat)
		return
	}
	c.timer.Reset(wait)
}

// extendable reports whether an extension could reach further than the claim does.
func (c *claim) extendable() bool {
	ends := c.delivery.ClaimEnds
	return ends.IsZero() || c.until.Before(ends.Add(-lastMoment))
}

// The bounds of the waits between extensions: never a tight loop, and soon again after one that failed.
const (
	minBeat   = 100 * time.Millisecond
	retryBeat = time.Second
)

// lastMoment is how long before the end of all claims on it a message counts as lost: the clock of the service began to run when it
// sent the message.
const lastMoment = time.Second

// current returns the delivery with the last receipt.
func (c *claim) current() *Delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.delivery
}

// adopt takes over another delivery of the same message, whose receipt replaces the one that is held. It reports false when
// the claim is over, so that the delivery is none of its.
func (c *claim) adopt(d *Delivery) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.lost {
		return false
	}
	c.hold(d)
	return true
}

// finish notes that the handler of a closed claim is done with the message.
func (c *claim) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = true
}

// isDone reports whether the handler is done with the message, so that every delivery of it may be deleted.
func (c *claim) isDone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}

// beat extends the claim once, and plans the next time.
func (c *claim) beat() {
	d, more, ok := c.begin()
	if !ok {
		return
	}
	extension := c.visibility
	if !d.ClaimEnds.IsZero() {
		extension = min(extension, time.Until(d.ClaimEnds)-lastMoment)
	}
	err := ErrVisibilityLost
	start := time.Now()
	if more && (extension >= time.Second || extension == c.visibility) {
		err = c.extend(d, extension)
	}
	if c.end(d, start.Add(extension), err) {
		c.onLost(c)
	}
}

func (c *claim) extend(d *Delivery, extension time.Duration) (err error) {
	defer recoverTo(&err)
	ctx, cancel := context.WithDeadline(context.Background(), c.deadline()) //nolint:forbidigo // a heartbeat has no caller
	defer cancel()
	return c.queue.SetVisibility(ctx, d, extension)
}

func (c *claim) deadline() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.until
}

// begin returns what to extend, and whether that can reach further.
func (c *claim) begin() (d *Delivery, more, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.lost || c.beating != nil {
		return nil, false, false
	}
	c.beating = make(chan struct{})
	return c.delivery, c.extendable(), true
}

// end records what became of an extension, and reports whether the claim is lost by it.
func (c *claim) end(d *Delivery, until time.Time, err error) (lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.beating)
	c.beating = nil
	switch {
	case c.closed || c.lost:
		return false
	case d != c.delivery: // another receipt replaced it meanwhile; its timer runs
		c.schedule()
		return false
	case err == nil:
		c.until = until
		c.schedule()
		return false
	case !errors.Is(err, ErrVisibilityLost) && time.Now().Before(c.until):
		left := time.Until(c.until)
		c.timer.Reset(min(max(min(retryBeat, left/2), minBeat), left))
		return false
	}
	c.lose()
	return true
}

// lose ends the handler: somebody else may run the task already.
func (c *claim) lose() {
	c.lost = true
	if c.cancel != nil {
		c.cancel(ErrVisibilityLost)
	}
}

// start gives the claim the context of the handler to end; it reports false when the claim was lost before.
func (c *claim) start(cancel context.CancelCauseFunc) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel = cancel
	return !c.lost
}

// close ends the extensions, waits for one that is under way, and reports whether the claim still holds. After that nothing
// but the settlement touches the message, so that no late extension overrides it. One that hangs is waited for until a quarter of
// the visibility timeout is left: a message that is done must be deleted before others see it again.
func (c *claim) close() (d *Delivery, holds bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	if beating := c.beating; beating != nil {
		patience := time.Until(c.until) - c.visibility/4
		c.mu.Unlock()
		within(patience, beating)
		c.mu.Lock()
	}
	return c.delivery, !c.lost
}

// SetVisibility is the settler of handlers that extend by hand.
func (c *claim) SetVisibility(ctx context.Context, _ *Delivery, timeout time.Duration) error {
	start := time.Now()
	err := c.queue.SetVisibility(ctx, c.current(), timeout)
	if err != nil && !errors.Is(err, ErrVisibilityLost) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && !c.closed && !c.lost:
		c.lose()
	case err == nil && timeout == 0:
		c.closed = true
	case err == nil && !c.closed && c.visibility > 0:
		c.until = start.Add(timeout)
		c.schedule()
	}
	return err
}

// DeadLetter is the settler of nobody: a handler asks for it by Permanent.
func (c *claim) DeadLetter(ctx context.Context, _ *Delivery, letter DeadLetter) error {
	return c.queue.DeadLetter(ctx, c.current(), letter)
}

// messageKey identifies a message over all its deliveries.
type messageKey struct{ queue, id string }

func keyOf(d *Delivery) messageKey { return messageKey{d.Queue, d.MessageID} }

// claims is the set of messages that a worker holds. Who takes a claim out of it may settle the message: the goroutine of
// the handler, or the stop that gives up on the handler, never both.
type claims struct {
	mu       sync.Mutex
	held     map[messageKey]*claim
	running  int // how many of those held
	settling int
}

func newClaims() *claims { return &claims{held: map[messageKey]*claim{}} }

// add holds a message; it returns the claim that holds it already when it was delivered twice.
func (s *claims) add(d *Delivery, create func() *claim) (c *claim, held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, held = s.held[keyOf(d)]; held {
		return c, true
	}
	c = create()
	s.held[keyOf(d)] = c
	return c, false
}

// run marks that the handler of c is running.
func (s *claims) run(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.running = time.Now()
	s.running++
}

// settle takes c from its handler, and reports false when a stop has taken it before; settled must follow.
func (s *claims) settle(c *claim) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.running.IsZero() {
		return false
	}
	s.halt(c)
	s.settling++
	return true
}

func (s *claims) halt(c *claim) {
	c.running = time.Time{}
	s.running--
}

// settled forgets a claim that settle has taken.
func (s *claims) settled(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settling--
	s.drop(c)
}

// forget forgets a claim before its message is given back: it may come again at once, and is another claim then.
func (s *claims) forget(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(c)
}

// drop leaves alone a claim that has taken the place of c.
func (s *claims) drop(c *claim) {
	if s.held[c.key] == c {
		delete(s.held, c.key)
	}
}

// abandon takes all that is running, and counts what is being settled.
func (s *claims) abandon() (running []*claim, settling int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.held {
		if !c.running.IsZero() {
			running = append(running, c)
			s.halt(c)
			s.drop(c)
		}
	}
	return running, s.settling
}

// counts returns how many handlers run, and how many messages are held besides.
func (s *claims) counts() (running, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running, len(s.held) - s.running
}

// longest returns how long the handler that has run longest runs by now; 0 when none does.
func (s *claims) longest() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	first := now
	for _, c := range s.held {
		if !c.running.IsZero() && c.running.Before(first) {
			first = c.running
		}
	}
	return now.Sub(first)
}

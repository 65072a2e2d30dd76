package taskhawk

import (
	"sync"
	"time"
)

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

package taskhawk

import (
	"context"
	"sync"
	"time"
)

// sequence is a list of messages to run one after the other: one message, or those of one group of an ordered queue.
type sequence struct {
	poller *poller
	claims []*claim
}

// run handles the messages in order. A message that is not done holds up those behind it: they are given back, neither run
// nor deleted, as they are when a stop comes first.
func (s *sequence) run(stop, work context.Context) {
	w, waiting := s.poller.worker, s.claims
	for len(waiting) > 0 && w.slots.acquire(stop, s.poller.info.Priority) {
		c := waiting[0]
		waiting = waiting[1:]
		s.poller.backlog.remove(1)
		if !s.poller.info.Ordered {
			w.process(work, c)
			return
		}
		if !s.handle(work, c) {
			break
		}
	}
	s.poller.backlog.remove(len(waiting))
	w.release(work, waiting)
}

// redeliverySlack is how much longer than its backoff a failed message may take to come back.
const redeliverySlack = time.Minute

// handle runs a message of an ordered queue, and records whether its group is failing.
func (s *sequence) handle(work context.Context, c *claim) (done bool) {
	d := c.current()
	if done = isolated(func() bool { return s.poller.worker.process(work, c) }); done {
		s.poller.failing.remove(d.Group)
	} else {
		s.poller.failing.add(d.Group, 2*s.poller.worker.config.Backoff.delay(max(d.Attempt, 1))+redeliverySlack)
	}
	return done
}

// isolated runs f in a goroutine of its own, which a handler may end by runtime.Goexit; it reports false then.
func isolated(f func() bool) (ok bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		ok = f()
	}()
	<-done
	return ok
}

// failingGroups remembers the groups of an ordered queue whose messages fail. A batch brings the messages behind a failing one along,
// and their receive is counted though they do not run, so that they would become dead letters with it: while a group is failing,
// messages are received one at a time.
type failingGroups struct {
	mu     sync.Mutex
	groups map[string]time.Time // until when
}

// maxFailingGroups bounds the memory of it; a queue with so many failing groups is received one at a time anyway.
const maxFailingGroups = 1024

// add notes that a message of the group failed and comes back within d.
func (g *failingGroups) add(group string, d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.groups == nil {
		g.groups = map[string]time.Time{}
	}
	if _, ok := g.groups[group]; ok || len(g.groups) < maxFailingGroups {
		g.groups[group] = time.Now().Add(d)
	}
}

// remove notes that a message of the group is done.
func (g *failingGroups) remove(group string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.groups, group)
}

// any reports whether a group is failing. It forgets those that have not come back: SQS has moved their message.
func (g *failingGroups) any() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for group, until := range g.groups {
		if now.After(until) {
			delete(g.groups, group)
		}
	}
	return len(g.groups) > 0
}

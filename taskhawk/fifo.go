package taskhawk

import (
	"context"
	"sync"
	"time"
)

// lane is a list of messages to run one after the other: one message, or those of one group of an ordered queue.
type lane struct {
	poller *poller
	claims []*claim
}

// run handles the messages in order. A message that is not done holds up those behind it: they are given back, neither run
// nor deleted, as they are when a stop comes first.
func (l *lane) run(stop, work context.Context) {
	w, waiting := l.poller.worker, l.claims
	for len(waiting) > 0 && w.slots.acquire(stop, l.poller.info.Priority) {
		c := waiting[0]
		waiting = waiting[1:]
		l.poller.backlog.remove(1)
		if !l.poller.info.Ordered {
			w.process(work, c)
			return
		}
		if !l.handle(work, c) {
			break
		}
	}
	l.poller.backlog.remove(len(waiting))
	w.release(work, waiting)
}

// comeBack is how much longer than its backoff a failed message may take to come back.
const comeBack = time.Minute

// handle runs a message of an ordered queue, and notes whether its group is in trouble.
func (l *lane) handle(work context.Context, c *claim) (done bool) {
	d := c.current()
	if done = isolated(func() bool { return l.poller.worker.process(work, c) }); done {
		l.poller.trouble.remove(d.Group)
	} else {
		l.poller.trouble.add(d.Group, 2*l.poller.worker.config.Backoff.delay(max(d.Attempt, 1))+comeBack)
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

// trouble remembers the groups of an ordered queue whose messages fail. A batch brings the messages behind a failing one along,
// and their receive is counted though they do not run, so that they would become dead letters with it: while there is trouble,
// messages are received one at a time.
type trouble struct {
	mu     sync.Mutex
	groups map[string]time.Time // until when
}

// maxTroubled bounds the memory of it; a queue with so many failing groups is received one at a time anyway.
const maxTroubled = 1024

// add notes that a message of the group failed and comes back within d.
func (t *trouble) add(group string, d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.groups == nil {
		t.groups = map[string]time.Time{}
	}
	if _, ok := t.groups[group]; ok || len(t.groups) < maxTroubled {
		t.groups[group] = time.Now().Add(d)
	}
}

// remove notes that a message of the group is done.
func (t *trouble) remove(group string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.groups, group)
}

// any reports whether a group is in trouble. It forgets those that have not come back: SQS has moved their message.
func (t *trouble) any() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for group, until := range t.groups {
		if now.After(until) {
			delete(t.groups, group)
		}
	}
	return len(t.groups) > 0
}

package taskhawk

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// sequence is a list of messages to run one after the other: one message, or all of one
// group of an ordered queue.
type sequence struct {
	poller *poller
	leases []*lease
	first  [1]*lease // the array of leases for one message
	behind *lease    // of a message of the group in an earlier sequence, nil for none
}

func newSequence(p *poller, l *lease) *sequence {
	s := &sequence{poller: p, first: [1]*lease{l}}
	s.leases = s.first[:]
	return s
}

// run handles the messages in order. If a message is not done, the later ones are given
// back, neither run nor deleted. A full waiting room of their task gives them back too,
// and so does a stop, unless one of them is at its last attempt.
func (s *sequence) run(stop, work context.Context) {
	w, waiting, end := s.poller.worker, s.leases, admitted
	for len(waiting) > 0 {
		end = s.admit(stop, waiting)
		if end == notAdmitted && stop.Err() != nil && s.atLastAttempt(waiting) {
			// Given back it would be a dead letter, so it has the time that handlers have.
			end = s.admit(work, waiting)
		}
		if end != admitted {
			break
		}
		l := waiting[0]
		waiting = waiting[1:]
		s.poller.governor.start()
		if !s.poller.info.Ordered {
			w.process(work, s.poller, l)
			return
		}
		if !s.handle(work, l) {
			break
		}
	}
	if len(waiting) == 0 {
		return
	}
	if end == deferred {
		w.postpone(work, waiting)
		s.poller.governor.drop(len(waiting)) // only then: a slow service slows receives down
		return
	}
	s.poller.governor.drop(len(waiting))
	if stop.Err() != nil {
		s.poller.governor.calmed(work)
	}
	w.release(work, waiting)
}

// atLastAttempt reports whether one of the messages becomes a dead letter if it is given
// back.
func (s *sequence) atLastAttempt(waiting []*lease) bool {
	hub := s.poller.worker.hub
	return slices.ContainsFunc(waiting, func(l *lease) bool { return hub.lastAttempt(l.current()) })
}

// redeliverySlack is how much longer than its backoff a failed message may take to come
// back.
const redeliverySlack = time.Minute

// handle runs a message of an ordered queue, and notes whether its group is failing.
func (s *sequence) handle(work context.Context, l *lease) (done bool) {
	d := l.current()
	// A handler may end its goroutine by runtime.Goexit.
	_ = guard.Call(func() { done = s.poller.worker.process(work, s.poller, l) })
	if done {
		s.poller.failing.remove(d.Group)
	} else {
		s.poller.failing.add(d.Group, l.delay+redeliverySlack)
	}
	return done
}

// failingGroups remembers the groups of an ordered queue whose messages fail. A batch
// also has the messages behind a failing one. Their receives count though they do not
// run, so that they would become dead letters with it. While a group fails, messages are
// therefore received one at a time.
type failingGroups struct {
	mu     sync.Mutex
	groups map[string]time.Time // until when
}

// maxFailingGroups limits the remembered groups. A queue with more failing groups is
// received one at a time anyway.
const maxFailingGroups = 1024

// add notes that a message of the group failed and comes back within d.
func (f *failingGroups) add(group string, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.groups == nil {
		f.groups = map[string]time.Time{}
	}
	if _, ok := f.groups[group]; ok || len(f.groups) < maxFailingGroups {
		f.groups[group] = time.Now().Add(d)
	}
}

// remove notes that a message of the group is done.
func (f *failingGroups) remove(group string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.groups, group)
}

// any reports whether a group is failing. It forgets groups whose message is overdue:
// SQS has moved it to the dead-letter queue.
func (f *failingGroups) any() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for group, until := range f.groups {
		if now.After(until) {
			delete(f.groups, group)
		}
	}
	return len(f.groups) > 0
}

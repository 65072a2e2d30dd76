package taskhawk

import (
	"context"
	"sync"
)

// slotWeights is how often each waiting priority is served, relative to the others.
var slotWeights = [...]int{High: 8, Default: 4, Low: 2, Bulk: 1}

// slots hands out the right to run a handler. Messages of several priorities that wait
// for one are served by weight, so that urgent ones go first and none starves.
type slots struct {
	strict bool
	mu     sync.Mutex
	free   int
	lines  [len(slotWeights)][]chan struct{} // the waiting messages, by priority; only while none is free
	credit [len(slotWeights)]int
}

func newSlots(n int, strict bool) *slots { return &slots{free: n, strict: strict} }

// unused returns how many are free now.
func (s *slots) unused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.free
}

// acquire waits for a slot, and reports false when ctx ends first.
func (s *slots) acquire(ctx context.Context, priority Priority) bool {
	if ctx.Err() != nil {
		return false
	}
	granted := s.join(priority)
	if granted == nil {
		return true
	}
	select {
	case <-granted:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		return true
	}
	s.leave(priority, granted) // also a slot that was granted in that moment
	return false
}

// join takes a free slot and returns nil, or stands in line.
func (s *slots) join(priority Priority) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free > 0 {
		s.free--
		return nil
	}
	granted := make(chan struct{})
	s.lines[priority] = append(s.lines[priority], granted)
	return granted
}

// leave gives up a place in line, or the slot if it was granted in that moment.
func (s *slots) leave(priority Priority, granted chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, waiting := range s.lines[priority] {
		if waiting == granted {
			s.lines[priority] = append(s.lines[priority][:i], s.lines[priority][i+1:]...)
			return
		}
	}
	s.pass()
}

// release gives a slot back, to the next in line if there is one.
func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass()
}

// pass gives a slot to the next in line, or makes it free. mu must be held.
func (s *slots) pass() {
	if line := s.next(); line >= 0 {
		close(s.lines[line][0])
		s.lines[line] = s.lines[line][1:]
		return
	}
	s.free++
}

// next chooses among the lines that are not empty; -1 when all are. mu must be held.
func (s *slots) next() int {
	if !s.strict {
		return s.nextByWeight()
	}
	for _, priority := range Priorities() {
		if len(s.lines[priority]) > 0 {
			return int(priority)
		}
	}
	return -1
}

// nextByWeight is smooth weighted round robin. mu must be held.
func (s *slots) nextByWeight() int {
	best, total := -1, 0
	for line, weight := range slotWeights {
		if len(s.lines[line]) == 0 {
			s.credit[line] = 0
			continue
		}
		total += weight
		s.credit[line] += weight
		if best < 0 || s.credit[line] > s.credit[best] {
			best = line
		}
	}
	if best >= 0 {
		s.credit[best] -= total
	}
	return best
}

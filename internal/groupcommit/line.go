package groupcommit

import (
	"container/ring"
	"context"
	"fmt"
	"time"
)

// batchWait has the items of one Do or DoAll of a caller. The committer's lock protects
// it, until done is closed or gone is set.
type batchWait[T Item] struct {
	turn      ring.Ring       // in the line of the committer; alone while it is not in line
	waiting   ring.Ring       // in the list of callers without all results
	since     time.Time       // when the caller joined, or when an item of it last succeeded
	ctx       context.Context //nolint:containedctx // of the caller, whose values its own call has
	joined    time.Time
	items     []item[T]
	sequences *sequence[T]  // the items by group
	ready     sequences[T]  // those whose first item a call may take
	left      int           // items without a result
	done      chan struct{} // closed when left is 0
	gone      bool          // the caller waits no longer

	one   [1]item[T]  // saves an allocation for a single item
	whole sequence[T] // and this for the first group
}

// item is an item of a caller and its result.
type item[T Item] struct {
	value    T
	sequence *sequence[T]
	next     *item[T] // in its sequence
	taken    bool     // by a call
	known    bool     // err is final
	err      error
}

// sequence has the items of one caller in one group, or without a group, that no call
// has taken yet.
type sequence[T Item] struct {
	wait    *batchWait[T]
	group   string
	first   *item[T]
	last    *item[T]
	items   int
	bytes   int          // of these
	next    *sequence[T] // in the list of ready or blocked sequences
	sibling *sequence[T] // of the same caller
}

// group orders items over all callers. The committer keeps only groups with an item in
// flight or with waiting sequences.
type group[T Item] struct {
	busy    bool         // an item is in flight
	blocked sequences[T] // wait for its result
}

// prepare sorts the items into sequences.
func (w *batchWait[T]) prepare(ctx context.Context) {
	w.ctx = ctx
	w.joined, w.left, w.done = time.Now(), len(w.items), make(chan struct{})
	w.turn.Value, w.waiting.Value = w, w
	if len(w.items) == 0 {
		close(w.done)
		return
	}
	w.whole.wait, w.whole.group = w, w.items[0].value.Group()
	w.sequences = &w.whole
	var others map[string]*sequence[T]
	for i := range w.items {
		it := &w.items[i]
		s, name := &w.whole, it.value.Group()
		if name != s.group {
			s = others[name]
			if s == nil {
				s = &sequence[T]{wait: w, group: name, sibling: w.whole.sibling}
				w.whole.sibling = s
				if others == nil {
					others = map[string]*sequence[T]{}
				}
				others[name] = s
			}
		}
		s.add(it)
	}
}

func (s *sequence[T]) add(it *item[T]) {
	it.sequence = s
	s.items++
	s.bytes += it.value.Size()
	if s.first == nil {
		s.first = it
	} else {
		s.last.next = it
	}
	s.last = it
}

// shift removes the first item.
func (s *sequence[T]) shift() {
	it := s.first
	s.first, it.next = it.next, nil
	s.items--
	s.bytes -= it.value.Size()
}

// set sets the result of an item. The committer's lock must be held.
func (w *batchWait[T]) set(it *item[T], err error) {
	it.known = true
	if w.gone {
		return // the caller reads without the lock, and has its error
	}
	it.err = err
	w.left--
}

// isServed reports whether a waiting caller has all its results. The committer's lock
// must be held.
func (w *batchWait[T]) isServed() bool { return !w.gone && w.left == 0 }

// leave sets the error of each item without a result, for a caller whose ctx has ended
// with that cause. The committer's lock must be held.
func (w *batchWait[T]) leave(cause error) {
	w.gone = true
	notSent := fmt.Errorf("%w: %w", ErrNotSent, cause)
	abandoned := fmt.Errorf("%w: %w", ErrAbandoned, cause)
	for i := range w.items {
		switch it := &w.items[i]; {
		case it.known: // a result that is there wins
		case it.taken:
			it.err = abandoned
		default:
			it.err = notSent
		}
	}
}

// fail fails the items that no call has taken. The committer's lock must be held.
func (s *sequence[T]) fail(err error) {
	for it := s.first; it != nil; it = it.next {
		s.wait.set(it, err)
	}
	s.first = nil
}

// sequences is a linked list.
type sequences[T Item] struct{ first, last *sequence[T] }

func (l *sequences[T]) push(s *sequence[T]) {
	if l.first == nil {
		l.first = s
	} else {
		l.last.next = s
	}
	l.last = s
}

func (l *sequences[T]) pushFront(s *sequence[T]) {
	s.next = l.first
	l.first = s
	if l.last == nil {
		l.last = s
	}
}

// pop removes and returns the first sequence, or nil.
func (l *sequences[T]) pop() *sequence[T] {
	s := l.first
	if s == nil {
		return nil
	}
	l.first, s.next = s.next, nil
	if l.first == nil {
		l.last = nil
	}
	return s
}

// offer makes the first item of a sequence ready, in front of the caller's others or
// behind them, unless its group is busy. mu must be held.
func (c *Committer[T]) offer(s *sequence[T], front bool) {
	if g := c.groups[s.group]; g != nil && g.busy {
		g.blocked.push(s)
		return
	}
	if front {
		s.wait.ready.pushFront(s)
	} else {
		s.wait.ready.push(s)
	}
	c.count(s, 1)
	c.standInLine(s.wait)
}

// release makes the next sequence that waits for a group ready. The other sequences wait
// for its item. mu must be held.
func (c *Committer[T]) release(name string) {
	g := c.groups[name]
	if g == nil || g.busy {
		return
	}
	s := g.blocked.pop()
	for s != nil && (s.wait.gone || s.first == nil) {
		s = g.blocked.pop()
	}
	if s != nil {
		// In front: the caller may have thousands of other groups, and this one has
		// callers that wait.
		c.offer(s, true)
	}
	if g.blocked.first == nil {
		delete(c.groups, name)
	}
}

// group returns the group of that name. mu must be held.
func (c *Committer[T]) group(name string) *group[T] {
	g := c.groups[name]
	if g == nil {
		g = &group[T]{}
		c.groups[name] = g
	}
	return g
}

// count adds the items of a sequence to the ready ones, or subtracts them for sign -1.
// mu must be held.
func (c *Committer[T]) count(s *sequence[T], sign int) {
	items, bytes := s.items, s.bytes
	if s.group != "" {
		items, bytes = 1, s.first.value.Size() // the others wait for the first
	}
	c.ready += sign * items
	c.bytes += sign * bytes
}

// first returns the caller whose turn it is. mu must be held, and an item must be ready.
func (c *Committer[T]) first() *batchWait[T] {
	w, _ := c.line.Next().Value.(*batchWait[T])
	return w
}

// standInLine puts a caller at the end of the line, unless it stands there already. mu
// must be held.
func (c *Committer[T]) standInLine(w *batchWait[T]) {
	if w.turn.Next() == &w.turn {
		c.line.Prev().Link(&w.turn)
	}
}

// standBack takes a caller out of the line. The committer's lock must be held.
func (w *batchWait[T]) standBack() { w.turn.Prev().Unlink(1) }

// await puts a caller at the end of the list of those that wait. mu must be held.
func (c *Committer[T]) await(w *batchWait[T], since time.Time) {
	w.since = since
	w.endWait()
	c.waiting.Prev().Link(&w.waiting)
}

// oldest returns the caller that waits longest, nil for none. mu must be held.
func (c *Committer[T]) oldest() *batchWait[T] {
	w, _ := c.waiting.Next().Value.(*batchWait[T])
	return w
}

// endWait takes a caller out of the list. The committer's lock must be held.
func (w *batchWait[T]) endWait() { w.waiting.Prev().Unlink(1) }

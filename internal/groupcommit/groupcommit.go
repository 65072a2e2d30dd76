// Package groupcommit sends the items of concurrent callers in shared batch calls,
// without waiting for a timer.
//
// The first item is sent at once. Items that arrive while its call is in flight share
// the next call. So an idle system adds no latency, and a busy one fills its batches.
// Each caller gets the result of its item as soon as the service has given it.
//
// Callers take turns of half a batch, so that a caller with thousands of items does not
// delay a caller with one. Items of one group are sent one after another, each after the
// one before has succeeded.
package groupcommit

import (
	"container/ring"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

var (
	// ErrNotSent is wrapped by the error of an item if the ctx of its caller ended
	// before a call took the item, or if the caller waited longer than MaxWait.
	ErrNotSent = errors.New("not sent")
	// ErrAbandoned is wrapped by the error of an item whose outcome is unknown. The ctx
	// of its caller ended while a call with it was in flight, or the call gave no result
	// for it.
	ErrAbandoned = errors.New("given up while the call was in flight")
	// ErrHeldBack is the error of an item that was not sent because an earlier item of
	// its group, from the same caller, failed.
	ErrHeldBack = errors.New("held back: an earlier item of its group failed")
)

// Item is an item of a batch.
type Item interface {
	// Size returns the size in bytes, 0 if calls have no limit of bytes.
	Size() int
	// Group returns the group whose items keep their order, "" for none. A call has at
	// most one item of a group, and the next item waits for its result.
	Group() string
}

// Config describes the calls.
type Config[T Item] struct {
	// Commit makes one call. It passes the result of each item to done, once and as soon
	// as it is known: several items together if they have the same result. An item
	// without a result when Commit returns gets ErrAbandoned. ctx does not end with the
	// ctx of a caller, so that one caller does not fail the others: Commit sets its own
	// deadline. ctx has the values of a caller only if that caller has all the items.
	Commit func(ctx context.Context, items []T, done func(err error, items ...int))
	// MaxItems is how many items a call takes.
	MaxItems int
	// MaxBytes is how many bytes a call takes; 0 for no limit.
	MaxBytes int
	// MaxCalls is how many calls may be in flight at once. A further call begins only
	// for a full batch, or when Patience ends.
	MaxCalls int
	// Patience is how long an item waits for a call in flight before another call
	// begins, so that one call that hangs does not delay all items. Default 0: until the
	// call ends.
	Patience time.Duration
	// MaxWait is how long a caller waits in line without a success. Items that no call has
	// taken by then get ErrNotSent. So calls that hang hold an item for MaxWait and the
	// time of one call, however many callers are in front. A caller with thousands of
	// items waits as long as they move. Default 0: no limit.
	MaxWait time.Duration
	// Linger returns how long an item waits for others to share its call if none is in
	// flight. last is how long the last call took, 0 before the first. Default nil: no
	// wait.
	Linger func(last time.Duration) time.Duration
	// Go starts the goroutine of a call; nil for a go statement.
	Go func(call func())
}

// Committer sends items in shared calls. It has no goroutine while it has no items, and
// is safe for concurrent use.
type Committer[T Item] struct {
	config Config[T]

	mu      sync.Mutex
	line    ring.Ring // of the callers with a ready item; the next one has its turn
	waiting ring.Ring // of the callers without all results; the next one waits longest
	groups  map[string]*group[T]
	ready   int           // items that a call may take
	bytes   int           // of these
	calls   int           // in flight
	ended   time.Time     // when the last call ended
	last    time.Duration // how long the last call took

	looking int       // goroutines that will look for a call that is due
	wakeAt  time.Time // when the timer fires; zero while it is not set
	timer   *time.Timer
}

// New makes a committer.
func New[T Item](config Config[T]) *Committer[T] {
	return &Committer[T]{config: config, groups: map[string]*group[T]{}}
}

// Do sends item in a call, alone or with others, and returns its result. If ctx ends
// first, the error wraps its cause and [ErrNotSent] or [ErrAbandoned]. If ctx has ended
// before, nothing is sent. If no call takes the item within MaxWait, the error wraps
// [ErrNotSent].
func (c *Committer[T]) Do(ctx context.Context, item T) error {
	w := &batchWait[T]{}
	w.one[0].value = item
	w.items = w.one[:]
	c.join(ctx, w)
	select {
	case <-w.done:
	case <-ctx.Done():
		c.withdraw(ctx, w)
	}
	return w.items[0].err
}

// Send is an item and the committer that sends it.
type Send[T Item] struct {
	// Through sends the item. If it is nil, the item is not sent and its result is nil.
	Through *Committer[T]
	// Item is what to send.
	Item T
}

// DoAll is Do for several items of one caller. Different committers send their items
// side by side. It returns a result for each item.
func DoAll[T Item](ctx context.Context, sends []Send[T]) []error {
	waits, places := map[*Committer[T]]*batchWait[T]{}, make([]int, len(sends))
	for i, s := range sends {
		if s.Through == nil {
			continue
		}
		w := waits[s.Through]
		if w == nil {
			w = &batchWait[T]{items: make([]item[T], 0, len(sends)-i)}
			waits[s.Through] = w
		}
		places[i] = len(w.items)
		w.items = append(w.items, item[T]{value: s.Item})
	}
	for c, w := range waits {
		c.join(ctx, w)
	}
	for c, w := range waits {
		select {
		case <-w.done:
		case <-ctx.Done():
			c.withdraw(ctx, w)
		}
	}
	errs := make([]error, len(sends))
	for i, s := range sends {
		if s.Through != nil {
			errs[i] = waits[s.Through].items[places[i]].err
		}
	}
	return errs
}

// join puts the items of a caller in line.
func (c *Committer[T]) join(ctx context.Context, w *batchWait[T]) {
	w.prepare(ctx)
	cause := causeOf(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if cause != nil {
		w.leave(cause)
		return
	}
	if w.left > 0 {
		c.await(w, w.joined)
	}
	for s := w.sequences; s != nil; s = s.sibling {
		c.offer(s, false)
	}
	c.launch()
	c.armExpiry()
}

// causeOf returns the cause of ctx, nil if ctx has not ended. It must be called without
// the lock, since the cause may be an error of the user whose methods hang.
func causeOf(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return guard.Error(context.Cause(ctx))
}

// withdraw takes the ready items of a caller out of the line after its ctx has ended.
// Items keep the results that they have.
func (c *Committer[T]) withdraw(ctx context.Context, w *batchWait[T]) {
	cause := causeOf(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	w.leave(cause)
	w.endWait()
	c.drop(w)
	c.launch()
}

// drop takes the ready items of a caller out of the line. mu must be held.
func (c *Committer[T]) drop(w *batchWait[T]) {
	w.standBack()
	for s := w.ready.pop(); s != nil; s = w.ready.pop() {
		c.count(s, -1)
		// The group may have waited for this sequence.
		c.release(s.group)
	}
}

// expire fails the items that no call has taken, of callers that have waited for MaxWait
// since they joined or since an item of theirs succeeded. mu must be held.
func (c *Committer[T]) expire() {
	for w := c.oldest(); w != nil && time.Since(w.since) >= c.config.MaxWait; w = c.oldest() {
		w.endWait() // calls in flight end by themselves
		c.drop(w)
		err := fmt.Errorf("%w: waited %s behind calls that hang or fail", ErrNotSent, c.config.MaxWait)
		for s := w.sequences; s != nil; s = s.sibling {
			s.fail(err)
		}
		if w.isServed() {
			close(w.done)
		}
	}
}

// launch begins a call for each full batch that no goroutine will take, and sets the
// timer for the other items. mu must be held.
func (c *Committer[T]) launch() {
	// Leave a batch to each goroutine that will look: its stack has grown already.
	for c.calls+c.looking < c.config.MaxCalls && c.isFull(1+c.looking) {
		if batch := c.take(); batch != nil {
			c.start(batch)
		}
	}
	// There is nothing to send, or the end of a call or a looking goroutine will send
	// it.
	if c.ready == 0 || c.calls >= c.config.MaxCalls || c.looking > 0 {
		return
	}
	switch wait, ends := c.patience(); {
	case ends && wait <= 0:
		c.looking++
		c.start(nil)
	case ends:
		c.arm(time.Now().Add(wait))
	}
}

// isFull reports whether the given number of full batches is ready. mu must be held.
func (c *Committer[T]) isFull(batches int) bool {
	return c.ready >= batches*c.config.MaxItems || c.config.MaxBytes > 0 && c.bytes >= batches*c.config.MaxBytes
}

// patience returns how much longer the first caller waits for its batch to fill. ends is
// false while it waits for a call in flight without a limit. mu must be held.
func (c *Committer[T]) patience() (wait time.Duration, ends bool) {
	since, limit := c.first().joined, c.config.Patience
	if c.calls == 0 {
		limit = 0
		if c.config.Linger != nil {
			limit = c.config.Linger(c.last)
		}
		// The callers that the last call served are likely to add again: linger from its
		// end.
		if c.ended.After(since) {
			since = c.ended
		}
	}
	if limit == 0 {
		return 0, c.calls == 0
	}
	return limit - time.Since(since), true
}

// armExpiry sets the timer for the caller that waits longest. mu must be held.
func (c *Committer[T]) armExpiry() {
	if w := c.oldest(); w != nil && c.config.MaxWait > 0 {
		c.arm(w.since.Add(c.config.MaxWait))
	}
}

// arm sets the timer, unless it wakes earlier anyway. mu must be held.
func (c *Committer[T]) arm(at time.Time) {
	switch {
	case !c.wakeAt.IsZero() && !at.Before(c.wakeAt):
		return
	case c.timer == nil:
		c.timer = time.AfterFunc(time.Until(at), c.wake)
	default:
		c.timer.Reset(time.Until(at))
	}
	c.wakeAt = at
}

func (c *Committer[T]) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakeAt = time.Time{}
	if c.config.MaxWait > 0 {
		c.expire()
	}
	c.launch()
	c.armExpiry()
}

// look takes the batch that is due, nil for none.
func (c *Committer[T]) look() []*item[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isFull(1) {
		// Let other callers add their items first: that costs no time in an idle system,
		// and fills the batch in a busy one.
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
	}
	c.looking--
	var batch []*item[T]
	if c.isDue() {
		batch = c.take()
	}
	c.launch()
	return batch
}

// isDue reports whether a call must begin now. mu must be held.
func (c *Committer[T]) isDue() bool {
	if c.ready == 0 || c.calls >= c.config.MaxCalls {
		return false
	}
	wait, ends := c.patience()
	return c.isFull(1) || ends && wait <= 0
}

// take removes the next batch from the line. It returns nil if the items that looked
// ready wait for their groups. mu must be held.
func (c *Committer[T]) take() []*item[T] {
	batch := make([]*item[T], 0, min(c.ready, c.config.MaxItems))
	for size, full := 0, false; !full && len(batch) < c.config.MaxItems && c.ready > 0; {
		w, before := c.first(), len(batch)
		batch, size, full = c.takeFrom(w, batch, size)
		if w.ready.first == nil {
			w.standBack()
		} else if len(batch) > before {
			// Its turn is over. A caller whose item did not fit stays first, since a
			// large item could wait forever otherwise.
			w.standBack()
			c.standInLine(w)
		}
	}
	if len(batch) == 0 {
		return nil
	}
	c.calls++
	return batch
}

// takeFrom adds items of one caller to the batch, one turn at most, and reports whether
// the next item does not fit. mu must be held.
func (c *Committer[T]) takeFrom(w *batchWait[T], batch []*item[T], size int) ([]*item[T], int, bool) {
	most := min(len(batch)+max(c.config.MaxItems/2, 1), c.config.MaxItems)
	for s := w.ready.first; s != nil && len(batch) < most; s = w.ready.first {
		g := c.groups[s.group]
		if g != nil && g.busy {
			// Another caller's item of the group is in flight.
			c.count(s, -1)
			g.blocked.push(w.ready.pop())
			continue
		}
		next := s.first
		bytes := size + next.value.Size()
		if len(batch) > 0 && c.config.MaxBytes > 0 && bytes > c.config.MaxBytes {
			return batch, size, true
		}
		size = bytes
		c.count(s, -1)
		s.shift()
		switch {
		case s.group != "":
			w.ready.pop()
			c.group(s.group).busy = true
		case s.first == nil:
			w.ready.pop()
		default:
			c.count(s, 1)
		}
		next.taken = true
		batch = append(batch, next)
	}
	return batch, size, false
}

// run makes calls as long as another is due when one ends, since a goroutine whose stack
// has grown is faster. Without a batch it looks for one first.
func (c *Committer[T]) run(batch []*item[T]) {
	for {
		if batch == nil {
			batch = c.look()
		}
		if batch == nil {
			return
		}
		c.call(batch)
		batch = nil
	}
}

// call makes one call. It recovers a panic in Commit, and finishes the batch even if
// Commit ends the goroutine.
func (c *Committer[T]) call(batch []*item[T]) {
	start, items := time.Now(), make([]T, len(batch))
	for i, it := range batch {
		items[i] = it.value
	}
	broken, returned := "the call ended its goroutine", false
	defer func() {
		if value := recover(); value != nil {
			broken, returned = fmt.Sprintf("panic (%T)", value), true
		}
		c.end(batch, start, broken)
		if !returned {
			c.start(nil) // in place of this goroutine, which is ending
		}
	}()
	c.config.Commit(callContext(batch), items, func(err error, items ...int) { c.report(batch, err, items) })
	broken, returned = "the call gave no result", true
}

// callContext returns the context of a call, with the values that all its callers share.
func callContext[T Item](batch []*item[T]) context.Context {
	first := batch[0].sequence.wait
	for _, it := range batch {
		if it.sequence.wait != first {
			return context.Background() //nolint:forbidigo // the call serves several callers and belongs to none
		}
	}
	return context.WithoutCancel(first.ctx)
}

// report sets the result of items of a batch. It wakes their callers after releasing the
// lock, which they are likely to take next.
func (c *Committer[T]) report(batch []*item[T], err error, items []int) {
	served := make([]*batchWait[T], 0, len(items))
	defer func() {
		for _, w := range served {
			close(w.done)
		}
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	grouped := false
	for _, i := range items {
		it := batch[i]
		grouped = grouped || it.sequence.group != ""
		if !it.known && c.finish(it, err) {
			served = append(served, it.sequence.wait)
		}
	}
	if grouped {
		c.launch() // the next item of a group may be sent now, even while this call continues
	}
}

// end records that a call has ended and that its goroutine will look for the next one.
// Items without a result get ErrAbandoned.
func (c *Committer[T]) end(batch []*item[T], start time.Time, broken string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, it := range batch {
		if !it.known && c.finish(it, fmt.Errorf("%w: %s", ErrAbandoned, broken)) {
			close(it.sequence.wait.done)
		}
	}
	c.calls--
	c.ended = time.Now()
	c.last = c.ended.Sub(start)
	c.looking++
}

// finish sets the result of an item and releases its group. It reports whether the
// caller now has all its results. mu must be held.
func (c *Committer[T]) finish(it *item[T], err error) bool {
	s := it.sequence
	s.wait.set(it, err)
	if err != nil && s.group != "" {
		s.fail(ErrHeldBack)
	}
	switch {
	case s.wait.isServed():
		s.wait.endWait()
	case err == nil && !s.wait.gone:
		c.await(s.wait, time.Now())
	}
	if s.group == "" {
		return s.wait.isServed()
	}
	c.group(s.group).busy = false
	if s.first != nil && !s.wait.gone {
		// Behind the other callers of its group: they take turns.
		c.group(s.group).blocked.push(s)
	}
	c.release(s.group)
	return s.wait.isServed()
}

// start runs calls in their own goroutine.
func (c *Committer[T]) start(batch []*item[T]) {
	if c.config.Go == nil {
		go c.run(batch)
		return
	}
	c.config.Go(func() { c.run(batch) })
}

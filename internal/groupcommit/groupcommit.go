// Package groupcommit lets concurrent callers share batch calls without waiting for a timer.
//
// The first caller's item is sent at once. While that call is in flight the items of others gather, and go together in the
// next one. So an idle system adds no latency and a busy one fills its batches; each caller still gets the result of its own
// item, once the service has given it.
package groupcommit

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// ErrNotSent is wrapped by the error of an item whose caller gave up before any call took it.
var ErrNotSent = errors.New("not sent")

// ErrAbandoned is wrapped by the error of an item whose caller gave up while a call with it was in flight: its outcome is
// unknown.
var ErrAbandoned = errors.New("given up while the call was in flight")

// ErrHeldBack is wrapped by the error of an item that was not sent because one before it, with the same key and of the same
// caller, failed.
var ErrHeldBack = errors.New("held back behind one that failed")

// Committer gathers items into calls. It has no goroutine while it has nothing to do, and is safe for concurrent use.
type Committer[T any] struct {
	config Config[T]

	mu    sync.Mutex
	line  list.List             // of *batchWait: callers with an item to take, in the order of their turns
	holds map[string]*list.List // keys that are in line or in flight, with the *batchWait that wait for them
	ready int                   // items that a call may take now
	bytes int                   // of those
	calls int                   // in flight
	ended time.Time             // when the last call did
	last  time.Duration         // that it took
	// What will look at the line again beside the end of a call: goroutines that are about to, one to flush it or after calls, or
	// the timer.
	flushing, armed bool
	looking         int
	timer           *time.Timer
}

// New makes a committer.
func New[T any](config Config[T]) *Committer[T] {
	return &Committer[T]{config: config, holds: map[string]*list.List{}}
}

// Do sends item in a call of its own or with others, and returns its result. When ctx ends first, the error wraps its cause
// and [ErrNotSent] or [ErrAbandoned].
func (c *Committer[T]) Do(ctx context.Context, item T) error {
	p := c.join(ctx, []T{item})
	c.wait(ctx, p)
	return p.waiters[0].err
}

// DoAll is Do for several items at once, with one result for each.
func (c *Committer[T]) DoAll(ctx context.Context, items []T) []error {
	p := c.join(ctx, items)
	c.wait(ctx, p)
	return p.errs()
}

// join puts the items in line.
func (c *Committer[T]) join(ctx context.Context, items []T) *batchWait[T] {
	p := newBatchWait(ctx, items, c.config)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue(p)
	c.launch()
	return p
}

// queue puts what is left of a caller's items at the end of the line, or behind the holder of the key of the next one. mu must be
// held.
func (c *Committer[T]) queue(p *batchWait[T]) {
	for p.next < len(p.waiters) && p.waiters[p.next].heldBack {
		p.next++
	}
	if p.next == len(p.waiters) {
		return
	}
	key := p.waiters[p.next].key
	if waiting, held := c.holds[key]; held && key != "" {
		p.element, p.blocked = waiting.PushBack(p), true
		return
	}
	if key != "" {
		c.holds[key] = list.New()
	}
	c.enter(p)
}

// enter puts a caller at the end of the line. mu must be held.
func (c *Committer[T]) enter(p *batchWait[T]) {
	p.element, p.blocked = c.line.PushBack(p), false
	n, size := p.takeable()
	c.ready += n
	c.bytes += size
}

// release gives a key to the caller that waits longest for it. mu must be held.
func (c *Committer[T]) release(key string) {
	waiting := c.holds[key]
	first := waiting.Front()
	if first == nil {
		delete(c.holds, key)
		return
	}
	c.enter(waiting.Remove(first).(*batchWait[T])) //nolint:forcetypeassert // the list has nothing else
}

// wait waits for the results of the items, and gives up on those that have none when ctx ends.
func (c *Committer[T]) wait(ctx context.Context, p *batchWait[T]) {
	for left := len(p.waiters); left > 0; left-- {
		select {
		case r := <-p.results:
			p.set(r)
			continue
		case <-ctx.Done():
		}
		c.leave(ctx, p)
		return
	}
}

// leave takes the items of a caller that gives up out of the line, in a time that does not depend on how many others wait.
func (c *Committer[T]) leave(ctx context.Context, p *batchWait[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.left = true
	switch {
	case p.element == nil: // all are taken
	case p.blocked:
		c.holds[p.waiters[p.next].key].Remove(p.element)
	default:
		n, size := p.takeable()
		c.ready -= n
		c.bytes -= size
		c.line.Remove(p.element)
		if key := p.waiters[p.next].key; key != "" {
			c.release(key)
		}
	}
	p.element = nil
	p.giveUp(func(reason error) error { return c.config.givenUp(fmt.Errorf("%w: %w", reason, context.Cause(ctx))) })
}

// launch begins a call for each full batch that no goroutine is about to take, and arranges for the rest to get its call in time. mu
// must be held.
func (c *Committer[T]) launch() {
	for c.calls < c.config.MaxCalls && c.hasFull(1+c.looking) {
		batch := c.take()
		c.config.start(func() { c.run(batch) })
	}
	if c.ready == 0 || c.calls >= c.config.MaxCalls || c.flushing || c.looking > 0 {
		return
	}
	switch wait, ends := c.patience(); {
	case ends && wait <= 0:
		c.flushing = true
		c.config.start(c.flush)
	case ends && !c.armed:
		c.arm(wait)
	}
}

// hasFull reports whether so many full batches are ready. mu must be held.
func (c *Committer[T]) hasFull(batches int) bool {
	return c.ready >= batches*c.config.MaxItems || c.config.MaxBytes > 0 && c.bytes >= batches*c.config.MaxBytes
}

// patience is how much longer the first item waits for its batch to fill. It does not end while a call is in flight without a
// limit to wait for it. mu must be held.
func (c *Committer[T]) patience() (wait time.Duration, ends bool) {
	since, limit := c.first().joined, c.config.Patience
	if c.calls == 0 {
		limit = c.config.linger(c.last)
		// Restart the linger: callers just released are likely to add again.
		if c.ended.After(since) {
			since = c.ended
		}
	}
	if limit == 0 {
		return 0, c.calls == 0
	}
	return limit - time.Since(since), true
}

func (c *Committer[T]) arm(wait time.Duration) {
	c.armed = true
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.wake)
		return
	}
	c.timer.Reset(wait)
}

func (c *Committer[T]) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = false
	c.launch()
}

// flush makes a call with what is ready, unless others have taken it meanwhile and what came since has time.
func (c *Committer[T]) flush() {
	if batch := c.next(func() { c.flushing = false }); batch != nil {
		c.run(batch)
	}
}

// next takes the batch that is due, nil for none, after the change. Callers that are about to add an item do so first: that costs
// no time in an idle system, and fills the batch in a busy one.
func (c *Committer[T]) next(change func()) []*waiter[T] {
	c.look(1)
	runtime.Gosched()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looking--
	change()
	var batch []*waiter[T]
	if c.isDue() {
		batch = c.take()
	}
	c.launch()
	return batch
}

func (c *Committer[T]) look(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looking += n
}

// isDue reports whether a call must begin now. mu must be held.
func (c *Committer[T]) isDue() bool {
	if c.ready == 0 || c.calls >= c.config.MaxCalls {
		return false
	}
	wait, ends := c.patience()
	return c.hasFull(1) || ends && wait <= 0
}

// first returns the caller whose turn it is. mu must be held, and an item be ready.
func (c *Committer[T]) first() *batchWait[T] {
	return c.line.Front().Value.(*batchWait[T]) //nolint:forcetypeassert // the list has nothing else
}

// take takes the next batch out of the line, for a call that begins. Callers take turns, an item each, so that one with thousands
// does not hold up those with one. mu must be held, and an item be ready.
func (c *Committer[T]) take() []*waiter[T] {
	batch, size := make([]*waiter[T], 0, min(c.ready, c.config.MaxItems)), 0
	for c.ready > 0 && len(batch) < c.config.MaxItems {
		p := c.first()
		w := &p.waiters[p.next]
		if size += w.size; len(batch) > 0 && c.config.MaxBytes > 0 && size > c.config.MaxBytes {
			break // it is the first of the next call
		}
		w.taken = true
		batch = append(batch, w)
		c.ready--
		c.bytes -= w.size
		p.next++
		p.bytes -= w.size
		if w.key != "" || p.next == len(p.waiters) { // with a key, the next one waits for the result of this one
			c.line.Remove(p.element)
			p.element = nil
		} else {
			c.line.MoveToBack(p.element)
		}
	}
	c.calls++
	return batch
}

// errEnded is the error of items whose call ended its goroutine, as a fake that fails its test does.
var errEnded = fmt.Errorf("%w: the goroutine of the call ended", ErrAbandoned)

// run makes a call, and goes on for as long as another is due when it ends: a goroutine whose stack has grown is quicker.
func (c *Committer[T]) run(batch []*waiter[T]) {
	start := time.Now()
	defer func() {
		if batch == nil {
			return
		}
		// The call has ended this goroutine by runtime.Goexit. Another one goes on.
		c.deliver(batch, nil, errEnded)
		if next := c.next(func() { c.end(batch, start, nil) }); next != nil {
			c.config.start(func() { c.run(next) })
		}
	}()
	for batch != nil {
		start = time.Now()
		errs, err := c.commit(sharedContext(batch), itemsOf(batch))
		c.deliver(batch, errs, err)
		ended := batch
		batch = c.next(func() { c.end(ended, start, errs) })
	}
}

// end notes that a call is over: the keys of its items are free for the next ones. mu must be held.
func (c *Committer[T]) end(batch []*waiter[T], start time.Time, errs []error) {
	c.calls--
	c.ended = time.Now()
	c.last = c.ended.Sub(start)
	c.armed = false // with a call less to wait for, it may be time sooner
	for i, w := range batch {
		if w.key == "" {
			continue
		}
		if failed := i >= len(errs) || errs[i] != nil; failed && !w.wait.left {
			c.holdBack(w)
		}
		c.release(w.key)
		if !w.wait.left {
			c.queue(w.wait)
		}
	}
}

// holdBack fails the items that the caller of w has behind it with the same key: they would be stored out of order. mu must be
// held.
func (c *Committer[T]) holdBack(w *waiter[T]) {
	p := w.wait
	for i := p.next; i < len(p.waiters); i++ {
		if behind := &p.waiters[i]; behind.key == w.key && !behind.heldBack {
			behind.heldBack = true
			p.bytes -= behind.size
			p.results <- result{i, c.config.givenUp(ErrHeldBack)}
		}
	}
}

// sharedContext is the context of a call. It ends with no caller, since one that gives up must not fail the others. It has the
// values of a caller only where the call serves no other: a trace or a tenant in them is not that of the others.
func sharedContext[T any](batch []*waiter[T]) context.Context {
	first := batch[0].wait
	for _, w := range batch[1:] {
		if w.wait != first {
			return context.Background() //nolint:forbidigo // see above
		}
	}
	return context.WithoutCancel(first.ctx)
}

func itemsOf[T any](batch []*waiter[T]) []T {
	items := make([]T, len(batch))
	for i, w := range batch {
		items[i] = w.wait.items[w.index]
	}
	return items
}

// deliver hands out the results of a call, or the error for all of it.
func (c *Committer[T]) deliver(batch []*waiter[T], errs []error, err error) {
	for i, w := range batch {
		if err == nil {
			w.wait.results <- result{w.index, errs[i]}
		} else {
			w.wait.results <- result{w.index, c.config.givenUp(err)}
		}
	}
}

// commit survives a panic below, and a result of the wrong length.
func (c *Committer[T]) commit(ctx context.Context, items []T) (errs []error, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("%w: panic (%T)", ErrAbandoned, value)
		}
	}()
	errs = c.config.Commit(ctx, items)
	if len(errs) != len(items) {
		return nil, fmt.Errorf("%w: %d results for %d items", ErrAbandoned, len(errs), len(items))
	}
	return errs, nil
}

// Config describes the calls.
type Config[T any] struct {
	// Commit makes one call and returns an error for each item, nil for those that succeeded. Its context does not end with that of
	// a caller, and has the values of one only where all items are its own. Commit sets its own deadline.
	Commit func(ctx context.Context, items []T) []error
	// GivenUp makes the error of an item without a result from one that wraps ErrNotSent, ErrAbandoned or ErrHeldBack; nil for
	// that error itself.
	GivenUp func(err error) error
	// Size is the size of an item in bytes; nil if MaxBytes is 0.
	Size func(item T) int
	// Key returns the key of an item whose order counts; nil, or "", for one without. Items with one key go one at a time, each after
	// the result of the one before. If one fails, those behind it that came with it are not sent: see [ErrHeldBack]. Either all
	// items of a committer have a key, or none has.
	Key func(item T) string
	// MaxItems is how many items a call takes.
	MaxItems int
	// MaxBytes is how many bytes a call takes; 0 for no limit.
	MaxBytes int
	// MaxCalls is how many calls may be in flight at once. More than one begins only for a full batch, or when Patience ends.
	MaxCalls int
	// Patience is how long an item waits for a call in flight to end before it gets another, so that one call that hangs does
	// not hold up the rest; 0, the default, for as long as it takes.
	Patience time.Duration
	// Linger is how long an item waits for others to share its call when none is in flight; 0, the default, for not at all.
	Linger time.Duration
	// Go starts the goroutine of a call; nil for a go statement.
	Go func(call func())
	// Adapt makes Linger the most of it: an item waits half as long as the last call took.
	Adapt bool
}

// givenUp is the error of an item without a result.
func (c *Config[T]) givenUp(err error) error {
	if c.GivenUp == nil {
		return err
	}
	return c.GivenUp(err)
}

// linger is how long an item waits after a call of that duration.
func (c *Config[T]) linger(last time.Duration) time.Duration {
	if c.Adapt {
		return min(c.Linger, last/2)
	}
	return c.Linger
}

func (c *Config[T]) start(call func()) {
	if c.Go == nil {
		go call()
		return
	}
	c.Go(call)
}

// batchWait is the items that one caller has put in line together, and waits for.
type batchWait[T any] struct {
	ctx     context.Context //nolint:containedctx // of the caller, for as long as it waits
	joined  time.Time
	items   []T
	waiters []waiter[T] // one for each item
	results chan result // has room for all

	// The committer's mutex guards what follows.
	next    int           // the first item that no call has taken
	bytes   int           // of those from next on
	element *list.Element // its place in line, or among those that wait for a key; nil while it has none
	blocked bool          // it waits for a key
	left    bool          // the caller has given up
}

// waiter is an item in line.
type waiter[T any] struct {
	wait     *batchWait[T]
	index    int // among the items of the caller
	size     int
	key      string
	taken    bool // by a call, under the committer's lock
	heldBack bool // under the committer's lock
	known    bool // whether err is the result, to the caller
	err      error
}

// result is the result of one item.
type result struct {
	index int
	err   error
}

func newBatchWait[T any](ctx context.Context, items []T, config Config[T]) *batchWait[T] {
	p := &batchWait[T]{
		ctx: ctx, joined: time.Now(), items: items, waiters: make([]waiter[T], len(items)),
		results: make(chan result, len(items)),
	}
	for i, item := range items {
		w := &p.waiters[i]
		w.wait, w.index = p, i
		if config.Size != nil {
			w.size = config.Size(item)
			p.bytes += w.size
		}
		if config.Key != nil {
			w.key = config.Key(item)
		}
	}
	return p
}

// takeable returns how many items a call may take while the caller is in line, and their size: one at a time if it has a key.
func (p *batchWait[T]) takeable() (n, size int) {
	if w := &p.waiters[p.next]; w.key != "" {
		return 1, w.size
	}
	return len(p.waiters) - p.next, p.bytes
}

func (p *batchWait[T]) set(r result) {
	w := &p.waiters[r.index]
	w.err, w.known = r.err, true
}

// errs are the results in the order of the items.
func (p *batchWait[T]) errs() []error {
	errs := make([]error, len(p.waiters))
	for i := range p.waiters {
		errs[i] = p.waiters[i].err
	}
	return errs
}

// giveUp takes the results that are there, and sets an error for each item that has none.
func (p *batchWait[T]) giveUp(because func(reason error) error) {
	for len(p.results) > 0 {
		p.set(<-p.results)
	}
	for i := range p.waiters {
		switch w := &p.waiters[i]; {
		case w.known:
		case w.taken:
			w.err = because(ErrAbandoned)
		default:
			w.err = because(ErrNotSent)
		}
	}
}

// Spread sends items that were put together through several committers, and gathers their results in order. It is for one
// goroutine.
type Spread[T any] struct {
	errs   []error
	shares map[*Committer[T]]*share[T]
}

// share is the items for one committer, and where they stand.
type share[T any] struct {
	items   []T
	indexes []int
}

// NewSpread makes a spread of n items.
func NewSpread[T any](n int) *Spread[T] {
	return &Spread[T]{errs: make([]error, n), shares: map[*Committer[T]]*share[T]{}}
}

// Fail sets the result of the i-th item, which is not sent.
func (s *Spread[T]) Fail(i int, err error) { s.errs[i] = err }

// Add lets the i-th item go through c.
func (s *Spread[T]) Add(i int, c *Committer[T], item T) {
	own := s.shares[c]
	if own == nil {
		own = &share[T]{}
		s.shares[c] = own
	}
	own.items, own.indexes = append(own.items, item), append(own.indexes, i)
}

// Send sends the items, those of different committers side by side, and returns an error for each, nil for those that succeeded.
func (s *Spread[T]) Send(ctx context.Context) []error {
	parties := make(map[*Committer[T]]*batchWait[T], len(s.shares))
	for c, own := range s.shares {
		parties[c] = c.join(ctx, own.items)
	}
	for c, own := range s.shares {
		c.wait(ctx, parties[c])
		for i, err := range parties[c].errs() {
			s.errs[own.indexes[i]] = err
		}
	}
	return s.errs
}

// Package groupcommit lets concurrent callers share batch calls without waiting for a timer.
//
// The first caller's item is sent at once. While that call is in flight the items of others gather, and go together in the
// next one. So an idle system adds no latency and a busy one fills its batches; each caller still gets the result of its own
// item, once the service has given it.
package groupcommit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// ErrNotSent is wrapped by the error of an item whose caller gave up before any call took it.
var ErrNotSent = errors.New("not sent")

// ErrAbandoned is wrapped by the error of an item whose caller gave up while a call with it was in flight: what became
// of the item is unknown.
var ErrAbandoned = errors.New("given up while the call was in flight")

// Committer gathers items into calls. It has no goroutine while it has nothing to do, and is safe for concurrent use.
type Committer[T any] struct {
	config Config[T]

	mu      sync.Mutex
	pending []*waiter[T]
	bytes   int           // of pending
	calls   int           // in flight
	ended   time.Time     // when the last call did
	last    time.Duration // that it took
	// What will look at pending again beside the end of a call: goroutines that are about to, one to flush it or after calls, or the timer.
	flushing, armed bool
	looking         int
	timer           *time.Timer
}

// New makes a committer.
func New[T any](config Config[T]) *Committer[T] { return &Committer[T]{config: config} }

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
func (c *Committer[T]) join(ctx context.Context, items []T) *party[T] {
	p := newParty(ctx, items, c.config.Size)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range p.waiters {
		c.pending = append(c.pending, &p.waiters[i])
		c.bytes += p.waiters[i].size
	}
	c.launch()
	return p
}

// wait waits for the results of the items, and gives up on those that have none when ctx ends.
func (c *Committer[T]) wait(ctx context.Context, p *party[T]) {
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

func (c *Committer[T]) leave(ctx context.Context, p *party[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = slices.DeleteFunc(c.pending, func(w *waiter[T]) bool {
		if w.party != p {
			return false
		}
		c.bytes -= w.size
		return true
	})
	p.giveUp(func(reason error) error { return c.config.givenUp(fmt.Errorf("%w: %w", reason, context.Cause(ctx))) })
}

// launch begins a call for each full batch that nobody is about to take, and sees to it that what is left gets its call in time.
func (c *Committer[T]) launch() {
	for c.calls < c.config.MaxCalls && c.hasFull(1+c.looking) {
		batch := c.take()
		c.config.start(func() { c.run(batch) })
	}
	if len(c.pending) == 0 || c.calls >= c.config.MaxCalls || c.flushing || c.looking > 0 {
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

// hasFull reports whether so many full batches are pending.
func (c *Committer[T]) hasFull(batches int) bool {
	return len(c.pending) >= batches*c.config.MaxItems || c.config.MaxBytes > 0 && c.bytes >= batches*c.config.MaxBytes
}

// patience is how much longer the first item waits for its batch to fill. It does not end while a call is in flight without a
// limit to wait for it.
func (c *Committer[T]) patience() (wait time.Duration, ends bool) {
	since, limit := c.pending[0].party.joined, c.config.Patience
	if c.calls == 0 {
		limit = c.config.linger(c.last)
		// Who waited for the call that has just ended is about to meet those whom it served.
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

// flush makes a call with what is pending, unless others have taken it meanwhile and what came since has time.
func (c *Committer[T]) flush() {
	if batch := c.next(func() { c.flushing = false }); batch != nil {
		c.run(batch)
	}
}

// next takes the batch that is due, nil for none, after the change. It lets whoever is about to add an item do so first: that costs
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

// isDue reports whether a call is to begin now.
func (c *Committer[T]) isDue() bool {
	if len(c.pending) == 0 || c.calls >= c.config.MaxCalls {
		return false
	}
	wait, ends := c.patience()
	return c.hasFull(1) || ends && wait <= 0
}

// take removes the next batch from what is pending, for a call that begins.
func (c *Committer[T]) take() []*waiter[T] {
	n, size := 0, 0
	for n < len(c.pending) && n < c.config.MaxItems {
		if size += c.pending[n].size; n > 0 && c.config.MaxBytes > 0 && size > c.config.MaxBytes {
			break
		}
		n++
	}
	batch := slices.Clone(c.pending[:n])
	for _, w := range batch {
		w.taken = true
		c.bytes -= w.size
	}
	clear(c.pending[:n]) // it may be a while until the array is left behind
	c.pending = c.pending[n:]
	c.calls++
	return batch
}

// run makes a call, and goes on for as long as another is due when it ends: a goroutine whose stack has grown is quicker.
func (c *Committer[T]) run(batch []*waiter[T]) {
	for batch != nil {
		start := time.Now()
		c.call(batch)
		batch = c.next(func() {
			c.calls--
			c.ended = time.Now()
			c.last = c.ended.Sub(start)
			c.armed = false // with a call less to wait for, it may be time sooner
		})
	}
}

func (c *Committer[T]) call(batch []*waiter[T]) {
	items := make([]T, len(batch))
	for i, w := range batch {
		items[i] = w.party.items[w.index]
	}
	errs, err := c.commit(context.WithoutCancel(batch[0].party.ctx), items)
	for i, w := range batch {
		if err == nil {
			w.party.results <- result{w.index, errs[i]}
		} else {
			w.party.results <- result{w.index, c.config.givenUp(err)}
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
	// Commit makes one call and returns an error for each item, nil for those that succeeded. Its context has the values of
	// the first item's, but not its end: one caller that gives up must not fail the others. It sets its own deadline.
	Commit func(ctx context.Context, items []T) []error
	// GivenUp makes the error of an item whose result nobody has from one that wraps ErrNotSent or ErrAbandoned; nil for that
	// error itself.
	GivenUp func(err error) error
	// Size is the size of an item in bytes; nil if MaxBytes is 0.
	Size func(item T) int
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

// party is the items that one caller has put in line together, and waits for.
type party[T any] struct {
	ctx     context.Context //nolint:containedctx // of the caller, for as long as it waits
	joined  time.Time
	items   []T
	waiters []waiter[T] // one for each item
	results chan result // has room for all
}

// waiter is an item in line.
type waiter[T any] struct {
	party *party[T]
	index int // among the items of the party
	size  int
	taken bool // by a call, under the committer's lock
	known bool // what err is, to the caller
	err   error
}

// result is what became of an item.
type result struct {
	index int
	err   error
}

func newParty[T any](ctx context.Context, items []T, size func(T) int) *party[T] {
	p := &party[T]{
		ctx: ctx, joined: time.Now(), items: items, waiters: make([]waiter[T], len(items)),
		results: make(chan result, len(items)),
	}
	for i, item := range items {
		p.waiters[i].party, p.waiters[i].index = p, i
		if size != nil {
			p.waiters[i].size = size(item)
		}
	}
	return p
}

func (p *party[T]) set(r result) {
	w := &p.waiters[r.index]
	w.err, w.known = r.err, true
}

// errs are the results in the order of the items.
func (p *party[T]) errs() []error {
	errs := make([]error, len(p.waiters))
	for i := range p.waiters {
		errs[i] = p.waiters[i].err
	}
	return errs
}

// giveUp takes the results that are there, and sets an error for each item that has none.
func (p *party[T]) giveUp(because func(reason error) error) {
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
	parties := make(map[*Committer[T]]*party[T], len(s.shares))
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

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

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
	// What will look at pending again beside the end of a call: a goroutine that is about to, or the timer.
	flushing, armed bool
	timer           *time.Timer
}

type waiter[T any] struct {
	item   T
	size   int
	joined time.Time
	ctx    context.Context //nolint:containedctx // of the caller that waits, for as long as it does
	taken  bool
	result chan error
}

// New makes a committer.
func New[T any](config Config[T]) *Committer[T] { return &Committer[T]{config: config} }

// Do sends item in a call of its own or with others, and returns its result. When ctx ends first, the error wraps its cause
// and [ErrNotSent] or [ErrAbandoned].
func (c *Committer[T]) Do(ctx context.Context, item T) error {
	return c.DoAll(ctx, []T{item})[0]
}

// DoAll is Do for several items at once, with one result for each.
func (c *Committer[T]) DoAll(ctx context.Context, items []T) []error {
	waiters := c.join(ctx, items)
	errs := make([]error, len(items))
	for i, w := range waiters {
		errs[i] = c.wait(ctx, w)
	}
	return errs
}

func (c *Committer[T]) join(ctx context.Context, items []T) []*waiter[T] {
	waiters := make([]*waiter[T], len(items))
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, item := range items {
		w := &waiter[T]{item: item, joined: now, ctx: ctx, result: make(chan error, 1)}
		if c.config.Size != nil {
			w.size = c.config.Size(item)
		}
		waiters[i] = w
		c.pending = append(c.pending, w)
		c.bytes += w.size
	}
	c.launch()
	return waiters
}

func (c *Committer[T]) wait(ctx context.Context, w *waiter[T]) error {
	select {
	case err := <-w.result:
		return err
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.taken {
		select {
		case err := <-w.result:
			return err
		default:
			return c.config.givenUp(fmt.Errorf("%w: %w", ErrAbandoned, context.Cause(ctx)))
		}
	}
	if i := slices.Index(c.pending, w); i >= 0 {
		c.pending = slices.Delete(c.pending, i, i+1)
		c.bytes -= w.size
	}
	return c.config.givenUp(fmt.Errorf("%w: %w", ErrNotSent, context.Cause(ctx)))
}

// launch begins a call for each full batch, and sees to it that what is left gets its call in time.
func (c *Committer[T]) launch() {
	for c.calls < c.config.MaxCalls && c.isFull() {
		go c.run(c.take())
	}
	if len(c.pending) == 0 || c.calls >= c.config.MaxCalls || c.flushing {
		return
	}
	switch wait, ends := c.patience(); {
	case ends && wait <= 0:
		c.flushing = true
		go c.flush()
	case ends && !c.armed:
		c.arm(wait)
	}
}

func (c *Committer[T]) isFull() bool {
	return len(c.pending) >= c.config.MaxItems || c.config.MaxBytes > 0 && c.bytes >= c.config.MaxBytes
}

// patience is how much longer the first item waits for its batch to fill. It does not end while a call is in flight without a
// limit to wait for it.
func (c *Committer[T]) patience() (wait time.Duration, ends bool) {
	since, limit := c.pending[0].joined, c.config.Patience
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
	runtime.Gosched()
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	var batch []*waiter[T]
	if c.isDue() {
		batch = c.take()
	}
	c.launch()
	return batch
}

// isDue reports whether a call is to begin now.
func (c *Committer[T]) isDue() bool {
	if len(c.pending) == 0 || c.calls >= c.config.MaxCalls {
		return false
	}
	wait, ends := c.patience()
	return c.isFull() || ends && wait <= 0
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
	c.pending = slices.Delete(c.pending, 0, n)
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
		items[i] = w.item
	}
	errs, err := c.commit(context.WithoutCancel(batch[0].ctx), items)
	for i, w := range batch {
		if err == nil {
			w.result <- errs[i]
		} else {
			w.result <- c.config.givenUp(err)
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

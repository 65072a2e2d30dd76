package groupcommit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// ErrNotSent is wrapped by the error of an item whose caller gave up before any call took it.
var ErrNotSent = errors.New("not sent")

// ErrAbandoned is wrapped by the error of an item whose caller gave up while a call with it was in flight: what became
// of the item is unknown.
var ErrAbandoned = errors.New("given up while the call was in flight")

// Config describes the calls.
type Config[T any] struct {
	// Commit makes one call and returns an error for each item, nil for those that succeeded. Its context has the values of
	// the first item's, but not its end: one caller that gives up must not fail the others. It sets its own deadline.
	Commit func(ctx context.Context, items []T) []error
	// Size is the size of an item in bytes; nil if MaxBytes is 0.
	Size func(item T) int
	// MaxItems is how many items a call takes.
	MaxItems int
	// MaxBytes is how many bytes a call takes; 0 for no limit.
	MaxBytes int
	// MaxCalls is how many calls may be in flight at once. More than one begins only for a full batch.
	MaxCalls int
	// Linger is how long a call waits for its batch to fill; 0, the default, for not at all.
	Linger time.Duration
}

// Committer gathers items into calls. It has no goroutine while it has nothing to do, and is safe for concurrent use.
type Committer[T any] struct {
	config Config[T]

	mu      sync.Mutex
	pending []*waiter[T]
	bytes   int
	calls   int
	// starting counts the calls that have begun and not taken their first batch.
	starting int
	full     chan struct{} // closed when a lingering call's batch is full
}

type waiter[T any] struct {
	item   T
	size   int
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
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, item := range items {
		w := &waiter[T]{item: item, ctx: ctx, result: make(chan error, 1)}
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
			return fmt.Errorf("%w: %w", ErrAbandoned, context.Cause(ctx))
		}
	}
	for i, pending := range c.pending {
		if pending == w {
			c.pending = append(c.pending[:i], c.pending[i+1:]...)
			c.bytes -= w.size
			break
		}
	}
	return fmt.Errorf("%w: %w", ErrNotSent, context.Cause(ctx))
}

// launch begins calls: one when none is in flight, more only for full batches.
func (c *Committer[T]) launch() {
	if c.full != nil && c.isFull() {
		close(c.full)
		c.full = nil
	}
	if len(c.pending) > 0 && c.calls == 0 {
		c.start()
	}
	for c.calls < c.config.MaxCalls && len(c.pending) >= (c.starting+1)*c.config.MaxItems {
		c.start()
	}
}

func (c *Committer[T]) start() {
	c.calls++
	c.starting++
	go c.run()
}

func (c *Committer[T]) isFull() bool {
	return len(c.pending) >= c.config.MaxItems || c.config.MaxBytes > 0 && c.bytes >= c.config.MaxBytes
}

// run makes calls until nothing is pending.
func (c *Committer[T]) run() {
	c.gather()
	for first := true; ; first = false {
		batch := c.take(first)
		if len(batch) == 0 {
			return
		}
		c.call(batch)
	}
}

// gather lets whoever is about to add an item do so: it costs no time in an idle system, and fills the batch in a busy one.
func (c *Committer[T]) gather() {
	runtime.Gosched()
	if c.config.Linger <= 0 {
		return
	}
	c.mu.Lock()
	if c.isFull() {
		c.mu.Unlock()
		return
	}
	if c.full == nil {
		c.full = make(chan struct{})
	}
	full := c.full
	c.mu.Unlock()
	timer := time.NewTimer(c.config.Linger)
	defer timer.Stop()
	select {
	case <-full:
	case <-timer.C:
	}
}

// take removes the next batch from what is pending; with none left the call ends.
func (c *Committer[T]) take(first bool) []*waiter[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first {
		c.starting--
	}
	n, size := 0, 0
	for n < len(c.pending) && n < c.config.MaxItems {
		if size += c.pending[n].size; n > 0 && c.config.MaxBytes > 0 && size > c.config.MaxBytes {
			break
		}
		n++
	}
	batch := make([]*waiter[T], n)
	copy(batch, c.pending)
	for _, w := range batch {
		w.taken = true
		c.bytes -= w.size
	}
	c.pending = append(c.pending[:0], c.pending[n:]...)
	if n == 0 {
		c.calls--
	}
	return batch
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
			w.result <- err
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

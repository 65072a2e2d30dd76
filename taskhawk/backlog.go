package taskhawk

import (
	"context"
	"sync"
)

// backlog counts the messages of a poller that wait for a slot.
type backlog struct {
	mu      sync.Mutex
	waiting int
	shrunk  chan struct{} // closed and replaced when it shrinks
}

func (b *backlog) add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting += n
}

func (b *backlog) remove(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting -= n
	if b.shrunk != nil {
		close(b.shrunk)
		b.shrunk = nil
	}
}

// wait returns how many are waiting once that is at most n, and false when ctx ends first.
func (b *backlog) wait(ctx context.Context, n int) (waiting int, ok bool) {
	for ctx.Err() == nil {
		b.mu.Lock()
		waiting = b.waiting
		if b.shrunk == nil {
			b.shrunk = make(chan struct{})
		}
		shrunk := b.shrunk
		b.mu.Unlock()
		if waiting <= n {
			return waiting, true
		}
		select {
		case <-shrunk:
		case <-ctx.Done():
		}
	}
	return 0, false
}

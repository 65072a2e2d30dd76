package groupcommit

import (
	"context"
	"time"
)

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

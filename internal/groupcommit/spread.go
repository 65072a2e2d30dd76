package groupcommit

import "context"

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

package sqsx

import (
	"iter"
	"slices"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
)

// batcher puts letters in batches for sending. On a FIFO queue it keeps the order of each group.
type batcher struct {
	fifo  bool
	stuck map[string]bool // groups with a letter that could not be moved
}

// batches splits letters by what one call takes, in order. On a FIFO queue a batch has one letter of a group: were there
// two, the first could fail and the second overtake it.
func (b *batcher) batches(letters []*letter) iter.Seq[[]*letter] {
	return func(yield func([]*letter) bool) {
		for len(letters) > 0 {
			n := b.fit(letters)
			if !yield(letters[:n]) {
				return
			}
			letters = letters[n:]
		}
	}
}

// fit is how many of the first letters make a batch, at least one.
func (b *batcher) fit(letters []*letter) int {
	size := 0
	for i, l := range letters {
		size += l.size()
		if i == attempts.MaxEntries || i > 0 && (size > MaxMessageSize || b.fifo && hasGroup(letters[:i], l.group())) {
			return i
		}
	}
	return len(letters)
}

func hasGroup(letters []*letter, group string) bool {
	return slices.ContainsFunc(letters, func(l *letter) bool { return l.group() == group })
}

// block keeps the letters behind l in its group where they are.
func (b *batcher) block(l *letter) {
	if !b.fifo {
		return
	}
	if b.stuck == nil {
		b.stuck = map[string]bool{}
	}
	b.stuck[l.group()] = true
}

func (b *batcher) blocked(l *letter) bool { return b.fifo && b.stuck[l.group()] }

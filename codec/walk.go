package codec

import (
	"sync"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// walk is the state of one encoding: where it is, to notice cycles, and memory for sorting map entries.
type walk struct {
	depth     int
	mark      step // a step on the path from the root to here
	markDepth int  // its depth, 0 if there is none
	entries   []entry
	scratch   []byte
}

// step is one reference followed: by which encoder, to which address, and for a slice how many elements.
type step struct {
	by      encoder
	address uintptr
	length  int
}

// walkPool recycles walk values. One that a panic in a Marshaler cuts short is not given back.
type walkPool struct{ pool sync.Pool }

func (p *walkPool) get() *walk {
	if w, ok := p.pool.Get().(*walk); ok {
		return w
	}
	return new(walk)
}

// What a walk may keep between uses, so that one huge message does not stay in memory.
const (
	maxKeptEntries = 1 << 10
	maxKeptScratch = 64 << 10
)

// put takes a walk back. An error may have left entries behind, which point into user data.
func (p *walkPool) put(w *walk) {
	clear(w.entries)
	if cap(w.entries) > maxKeptEntries {
		w.entries = nil
	}
	if cap(w.scratch) > maxKeptScratch {
		w.scratch = nil
	}
	*w = walk{entries: w.entries[:0], scratch: w.scratch[:0]}
	p.pool.Put(w)
}

// watchDepth is where looking for cycles begins; few data nest as deep.
const watchDepth = 32

// enter notes that the encoding follows a reference, and fails on a cycle or beyond 10,000 references.
func (w *walk) enter(s step) *Error {
	w.depth++
	if w.depth < watchDepth {
		return nil
	}
	return w.watch(s)
}

// watch is Brent's cycle detection: it compares each step with one mark on the path, moved up to the current step at depths that are powers of two.
// A cycle is found within about three times its length, with no memory.
func (w *walk) watch(s step) *Error {
	if w.markDepth > 0 && w.mark == s {
		return newError(ErrUnsupportedValue, "a pointer cycle")
	}
	if w.depth > jsontext.MaxDepth {
		return newError(ErrUnsupportedValue, "nested too deeply")
	}
	if w.depth&(w.depth-1) == 0 {
		w.mark, w.markDepth = s, w.depth
	}
	return nil
}

// leave goes back over a reference. A mark beyond the path that is left is void: the same value may come again elsewhere.
func (w *walk) leave() {
	w.depth--
	if w.depth < w.markDepth {
		w.markDepth = 0
	}
}

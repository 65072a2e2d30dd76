package codec

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// append writes both members of the envelope; the first leading parameters go to args,
// all others to kwargs.
func (sig *signature) append(dst []byte, p place, leading int) ([]byte, error) {
	w := sig.walks.get()
	done, err := sig.appendArgs(dst, p, leading, w)
	if err == nil {
		done, err = sig.appendKwargs(done, p, leading, w)
	}
	sig.walks.put(w)
	if err != nil {
		return dst, err.settled()
	}
	return done, nil
}

func (sig *signature) appendArgs(dst []byte, p place, leading int, w *walk) ([]byte, *Error) {
	dst = append(dst, `"args":[`...)
	for i := range sig.params[:leading] {
		f := &sig.params[i]
		var err *Error
		if dst, err = f.enc.encode(dst, f.place(p), w); err != nil {
			return dst, err.underIndex(i).of(f.Name, "args")
		}
		dst = append(dst, ',')
	}
	return closeArray(dst), nil
}

func (sig *signature) appendKwargs(dst []byte, p place, leading int, w *walk) ([]byte, *Error) {
	dst = append(dst, `,"kwargs":`...)
	start := len(dst)
	for i := range sig.params[leading:] {
		f := &sig.params[leading+i]
		at := f.place(p)
		if f.Optional && f.zero(at) {
			continue
		}
		dst = f.key.append(dst)
		var err *Error
		if dst, err = f.enc.encode(dst, at, w); err != nil {
			return dst, err.of(f.Name, "kwargs."+f.Name)
		}
	}
	if sig.rest != nil {
		var err *Error
		if dst, err = sig.rest.append(dst, p, sig, w); err != nil {
			return dst, err
		}
	}
	return closeObject(dst, start), nil
}

// walk is the state of one encoding: where it is, to notice cycles, and memory for
// sorting map entries.
type walk struct {
	depth     int
	mark      step // a step on the path from the root to here
	markDepth int  // its depth, 0 if there is none
	entries   []entry
	scratch   []byte
}

// step is one reference followed: by which encoder, to which address, and for a slice how
// many elements.
type step struct {
	by      encoder
	address uintptr
	length  int
}

// walkPool recycles walk values. A walk that ends by a panic in a Marshaler is not put
// back.
type walkPool struct{ pool sync.Pool }

func (p *walkPool) get() *walk {
	if w, ok := p.pool.Get().(*walk); ok {
		return w
	}
	return new(walk)
}

// The most that a walk keeps between uses, so that one huge message does not stay in
// memory.
const (
	maxKeptEntries = 1 << 10
	maxKeptScratch = 64 << 10
)

// put takes a walk back. Entries left by an error point into user data, so it clears
// them.
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

// watchDepth is the depth where the search for cycles begins; few values nest as deep.
const watchDepth = 32

// enter notes that the encoding follows a reference, and fails on a cycle or beyond
// 10,000 references.
func (w *walk) enter(s step) *Error {
	w.depth++
	if w.depth < watchDepth {
		return nil
	}
	return w.watch(s)
}

// watch is Brent's cycle detection: it compares each step with one mark on the path,
// moved up to the current step at depths that are powers of two. A cycle is found within
// about three times its length, with no memory.
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

// leave ends a reference. A mark beyond the remaining path is void: the same value may
// come again elsewhere.
func (w *walk) leave() {
	w.depth--
	if w.depth < w.markDepth {
		w.markDepth = 0
	}
}

// entry is one map entry as it was written, in the order of the map: its key, and where
// ,"key":value lies in dst.
type entry struct {
	key        string
	start, end int
}

// order sorts the entries from the base-th on, which are the tail of dst, by their keys,
// and removes them from w. Sorting the written text needs no copy of the map's keys and
// values.
func (w *walk) order(dst []byte, base int) []byte {
	es := w.entries[base:]
	byKey := func(a, b entry) int { return strings.Compare(a.key, b.key) }
	if !slices.IsSortedFunc(es, byKey) {
		from := es[0].start
		w.scratch = append(w.scratch[:0], dst[from:]...)
		slices.SortFunc(es, byKey)
		dst = dst[:from]
		for _, e := range es {
			dst = append(dst, w.scratch[e.start-from:e.end-from]...)
		}
	}
	clear(es)
	w.entries = w.entries[:base]
	return dst
}

// zeroer is the interface that encoding/json uses for the option omitzero.
type zeroer interface{ IsZero() bool }

// zeroTest reports whether the value at a place is zero, or empty.
type zeroTest func(p place) bool

// zeroTestOf returns the test for a type's zero value: its IsZero method if it has one,
// as for omitzero in encoding/json, else the same as reflect.Value.IsZero.
func zeroTestOf(t reflect.Type) zeroTest {
	switch {
	case t.Implements(reflect.TypeFor[zeroer]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[zeroer]()):
		return func(p place) bool { return asksZero(p.value(t)) }
	case t.Kind() == reflect.String:
		return func(p place) bool { return p.str() == "" }
	case isReference(t.Kind()):
		return place.isNil
	}
	return zeroNumberTestOf(t)
}

// zeroNumberTestOf returns the test for types other than strings and references. Numbers
// and booleans need no reflection.
func zeroNumberTestOf(t reflect.Type) zeroTest {
	size := t.Size()
	switch k := t.Kind(); {
	case k == reflect.Bool:
		return func(p place) bool { return !p.boolean() }
	case isSigned(k):
		return func(p place) bool { return p.integer(size) == 0 }
	case isUnsigned(k):
		return func(p place) bool { return p.unsigned(size) == 0 }
	case k == reflect.Float32 || k == reflect.Float64:
		return func(p place) bool { return p.float(size) == 0 }
	}
	return func(p place) bool { return p.value(t).IsZero() }
}

// asksZero calls IsZero, but not on nil pointers and interfaces, which are zero.
func asksZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() || v.Elem().Kind() == reflect.Pointer && v.Elem().IsNil() {
			return true
		}
	case reflect.Pointer:
		if v.IsNil() {
			return true
		}
	default:
		v = v.Addr()
	}
	z, _ := reflect.TypeAssert[zeroer](v)
	return z.IsZero()
}

// emptyTestOf returns the test for omitempty: false, 0, nil and values without elements
// are empty. A struct never is.
func emptyTestOf(t reflect.Type) zeroTest {
	switch t.Kind() {
	case reflect.String:
		return func(p place) bool { return p.str() == "" }
	case reflect.Slice:
		return func(p place) bool { return p.sliceLen() == 0 }
	case reflect.Map, reflect.Array:
		return func(p place) bool { return p.value(t).Len() == 0 }
	case reflect.Pointer, reflect.Interface:
		return place.isNil
	case reflect.Struct:
		return func(place) bool { return false }
	}
	return zeroNumberTestOf(t)
}

func isReference(k reflect.Kind) bool {
	return k == reflect.Pointer || k == reflect.Slice || k == reflect.Map || k == reflect.Interface
}

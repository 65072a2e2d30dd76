package codec

import (
	"slices"
	"strings"
)

// entry is one map entry as it was written, in the order of the map: its key, and where ,"key":value lies in dst.
type entry struct {
	key        string
	start, end int
}

// order returns dst with the entries from the base-th on, which are its tail, in the order of their keys, and forgets them.
// Writing first and sorting the text after needs no copy of the map's keys and values.
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

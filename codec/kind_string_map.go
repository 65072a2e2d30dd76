package codec

import "github.com/taskhawk/taskhawk-go/internal/jsontext"

// stringMapKind is map[string]string and the types made of it: the map that messages hold most, worth doing without reflection.
type stringMapKind struct{ generic mapDecoder }

func (k *stringMapKind) encode(dst []byte, p place, w *walk) ([]byte, *Error) {
	if p.isNil() {
		return appendNull(dst), nil
	}
	first, base := len(dst), len(w.entries)
	for key, value := range *p.stringMap() {
		start := len(dst)
		var err *Error
		if dst, err = appendString(append(dst, ','), key); err != nil {
			return dst, err.underEntry()
		}
		dst = append(dst, ':')
		if dst, err = appendString(dst, value); err != nil {
			return dst, err.underEntry()
		}
		w.entries = append(w.entries, entry{key: key, start: start, end: len(dst)})
	}
	return closeObject(w.order(dst, base), first), nil
}

func (k *stringMapKind) decode(s string, i int, p place, depth int) (int, *Error) {
	if !at(s, i, '{') || depth >= jsontext.MaxDepth {
		return k.generic.decode(s, i, p, depth)
	}
	into := stringEntries{m: *p.stringMap()}
	i, done := enter(s, i, '}')
	for !done {
		key, next, err := readKey(s, i)
		if err != nil {
			return next, err
		}
		value := ""
		if i, err = (*stringKind)(nil).decode(s, next, placeAt(&value), depth+1); err != nil {
			return i, err.underEntry()
		}
		into.add(key, value)
		if i, done, err = leave(s, i, '}'); err != nil {
			return i, err
		}
	}
	*p.stringMap() = into.finish()
	return i, nil
}

// stringEntries fills a map. It makes a new one once it knows how many entries there are, or that they are many: growing costs
// more than reading them.
type stringEntries struct {
	m            map[string]string // nil while the entries wait
	keys, values [16]string
	waiting      int
}

func (e *stringEntries) add(key, value string) {
	if e.m == nil && e.waiting == len(e.keys) {
		e.create(2 * e.waiting)
	}
	if e.m != nil {
		e.m[key] = value
		return
	}
	e.keys[e.waiting], e.values[e.waiting] = key, value
	e.waiting++
}

// finish returns the map with all entries in it.
func (e *stringEntries) finish() map[string]string {
	if e.m == nil {
		e.create(e.waiting)
	}
	return e.m
}

// create makes the map and adds the entries that wait.
func (e *stringEntries) create(size int) {
	e.m = make(map[string]string, size)
	for i := range e.waiting {
		e.m[e.keys[i]] = e.values[i]
	}
}

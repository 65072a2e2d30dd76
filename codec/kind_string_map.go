package codec

import "github.com/taskhawk/taskhawk-go/internal/jsontext"

// stringMapKind is map[string]string and the types made of it: the map that messages hold most, worth doing without reflection.
type stringMapKind struct{ generic mapDecoder }

func (k *stringMapKind) encode(dst []byte, p place, w *walk) ([]byte, *Error) {
	if p.isNil() {
		return appendNull(dst), nil
	}
	dst = append(dst, '{')
	base := len(w.entries)
	for key, value := range *p.stringMap() {
		start := len(dst)
		var err *Error
		if dst, err = appendString(dst, key); err != nil {
			return dst, err.underEntry()
		}
		dst = append(dst, ':')
		if dst, err = appendString(dst, value); err != nil {
			return dst, err.underEntry()
		}
		dst = append(dst, ',')
		w.entries = append(w.entries, entry{key: key, start: start, end: len(dst)})
	}
	return closeWith(w.order(dst, base), '}'), nil
}

func (k *stringMapKind) decode(s string, i int, p place, depth int) (int, *Error) {
	if !at(s, i, '{') || depth >= jsontext.MaxDepth {
		return k.generic.decode(s, i, p, depth)
	}
	m := *p.stringMap()
	if m == nil {
		m = map[string]string{}
		*p.stringMap() = m
	}
	i, done := enter(s, i, '}')
	for !done {
		key, next, err := readKey(s, i)
		if err != nil {
			return next, err
		}
		value := ""
		if i, err = (stringKind{}).decode(s, next, placeAt(&value), depth+1); err != nil {
			return i, err.underEntry()
		}
		m[key] = value
		if i, done, err = leave(s, i, '}'); err != nil {
			return i, err
		}
	}
	return i, nil
}

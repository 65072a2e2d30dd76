package codec

import "reflect"

// restParam is the map field that takes unknown kwargs.
type restParam struct {
	param
	entries *mapEncoder
}

// addRest compiles the rest parameter.
func (b *builder) addRest(sig *signature, p param, last bool) *TypeError {
	switch {
	case p.Type.Kind() != reflect.Map || p.Type.Key().Kind() != reflect.String:
		return b.fail("rest must be a map with string keys")
	case !last:
		return b.fail("rest must be the last parameter, and there can be only one")
	}
	enc, err := b.mapEncoder(p.Type)
	if err != nil {
		return err
	}
	if p.dec, err = b.decoder(p.Type.Elem(), true); err != nil {
		return err
	}
	sig.rest = &restParam{param: p, entries: enc}
	return nil
}

// append writes the entries of the struct at p as further kwargs. A key that is a parameter's name would make two of one.
func (r *restParam) append(dst []byte, p place, sig *signature, w *walk) ([]byte, *Error) {
	base := len(w.entries)
	dst, err := r.entries.writeEntries(dst, r.place(p).value(r.Type), w)
	if err != nil {
		return dst, err.of(r.Name, "kwargs")
	}
	for _, e := range w.entries[base:] {
		if _, ok := sig.byName[e.key]; ok {
			return dst, newError(ErrGivenTwice, "a key of "+r.Field+" as well").of(e.key, "kwargs."+e.key)
		}
	}
	return w.order(dst, base), nil
}

// decode reads the value of the unknown keyword name into the map of the struct at p.
func (r *restParam) decode(s string, i int, p place, name string) (int, *Error) {
	m := r.path.reach(p).value(r.Type)
	if m.IsNil() {
		m.Set(reflect.MakeMap(r.Type))
	}
	key := reflect.ValueOf(name).Convert(r.Type.Key())
	if m.MapIndex(key).IsValid() {
		return i, newError(ErrGivenTwice, "the keyword comes again").under(keywordPath(name))
	}
	elem := reflect.New(r.Type.Elem()).Elem()
	i, err := r.dec.decode(s, i, placeOf(elem), 0)
	if err != nil {
		return i, err.of(r.Name, keywordPath(name))
	}
	m.SetMapIndex(key, elem)
	return i, nil
}

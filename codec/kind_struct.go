package codec

import "github.com/taskhawk/taskhawk-go/internal/jsontext"

// structEncoder writes a struct as an object, its fields in the order of declaration.
type structEncoder struct{ fields []*fieldEncoder }

// fieldEncoder writes one member.
type fieldEncoder struct {
	off    offset // of the field, or of the first pointer on the way
	only   *condition
	enc    encoder
	text   bool   // enc is the encoder of strings, which needs no call through the interface
	member string // .name, for errors
	key    memberKey
}

// condition decides whether a field with omitempty, omitzero or an embedded pointer on
// its path is written; most fields have none.
type condition struct {
	path fieldPath
	omit []zeroTest // leave the field out if one of these holds
}

func (k *structEncoder) encode(dst []byte, p place, w *walk) ([]byte, *Error) {
	start := len(dst)
	for _, f := range k.fields {
		at := p.field(f.off)
		if f.only != nil {
			var ok bool
			at, ok = f.only.check(p)
			if !ok {
				continue
			}
		}
		dst = f.key.append(dst)
		if f.text {
			var ok bool
			dst, ok = jsontext.AppendString(dst, at.str())
			if !ok {
				return dst, notUTF8().under(f.member)
			}
			continue
		}
		var err *Error
		if dst, err = f.enc.encode(dst, at, w); err != nil {
			return dst, err.under(f.member)
		}
	}
	return closeObject(dst, start), nil
}

// check returns the field's place; ok is false if the field is to be left out.
func (c *condition) check(p place) (field place, ok bool) {
	field, ok = c.path.find(p)
	if !ok {
		return field, false
	}
	for _, test := range c.omit {
		if test(field) {
			return field, false
		}
	}
	return field, true
}

// structDecoder reads an object into a struct: keys match exactly or else without regard
// to case, unknown ones are skipped, and a null changes nothing.
type structDecoder struct {
	name   string
	fields []fieldDecoder
	exact  map[string]int // index into fields by name
	folded map[string]int // the same by folded name, the first in declaration winning
}

// fieldDecoder reads one member.
type fieldDecoder struct {
	path   fieldPath
	key    memberKey
	member string // .name, for errors
	dec    decoder
}

func (k *structDecoder) decode(s string, i int, p place, depth int) (int, *Error) {
	if !at(s, i, '{') {
		return nullOr(s, i, k.name)
	}
	if depth >= jsontext.MaxDepth {
		return i, tooDeep()
	}
	likely := 0
	i, done := enter(s, i, '}')
	for !done {
		n, next, err := k.member(s, i, likely)
		if err != nil {
			return next, err
		}
		if n >= 0 {
			f := &k.fields[n]
			likely = n + 1
			if i, err = f.dec.decode(s, next, f.path.reach(p), depth+1); err != nil {
				return i, err.under(f.member)
			}
		} else if i, err = skip(s, next); err != nil {
			return i, err
		}
		if isComma(s, i) {
			i++
		} else if i, done, err = leave(s, i, '}'); err != nil {
			return i, err
		}
	}
	return i, nil
}

// member reads the name of a member and returns the index of the field that it means, -1
// if none. Senders mostly keep the order of the fields and put no space before the colon,
// so the text of the field after the last is tried first.
func (k *structDecoder) member(s string, i, likely int) (n, value int, err *Error) {
	if likely < len(k.fields) {
		if end := k.fields[likely].key.match(s, i); end > 0 {
			return likely, jsontext.SkipSpace(s, end), nil
		}
	}
	name, value, err := readKey(s, i)
	if err != nil {
		return -1, value, err
	}
	if n, ok := k.exact[name]; ok {
		return n, value, nil
	}
	var buf [foldBuffer]byte
	if n, ok := k.folded[string(appendFolded(buf[:0], name))]; ok {
		return n, value, nil
	}
	return -1, value, nil
}

// deadEndDecoder is for fields behind an embedded pointer to an unexported struct, which
// reflection, and so encoding/json, cannot allocate.
type deadEndDecoder struct{}

func (deadEndDecoder) decode(s string, i int, _ place, _ int) (int, *Error) {
	if _, err := skip(s, i); err != nil {
		return i, err
	}
	return i, newError(ErrWrongType, "cannot set an embedded pointer to an unexported struct")
}

package codec

import "reflect"

// fieldPath leads from a struct to one of its fields, through embedded structs and pointers to such.
type fieldPath struct {
	first offset
	hops  []hop
}

// hop follows a pointer to an embedded struct.
type hop struct {
	elem reflect.Type
	off  offset
}

// pathOf returns the path to the field of struct t at index.
func pathOf(t reflect.Type, index []int) fieldPath {
	var path fieldPath
	owner, start := t, 0 // the struct that the present offset is in, and the step where it begins
	add := func(end int) {
		off := offsetOf(owner, index[start:end])
		if start == 0 {
			path.first = off
		} else {
			path.hops = append(path.hops, hop{elem: owner, off: off})
		}
	}
	for i, n := range index {
		if t.Kind() == reflect.Pointer {
			add(i)
			t = t.Elem()
			owner, start = t, i
		}
		t = t.Field(n).Type
	}
	add(len(index))
	return path
}

// find returns the field's place; ok is false if a pointer on the way is nil.
func (f *fieldPath) find(p place) (field place, ok bool) {
	p = p.field(f.first)
	if f.hops == nil {
		return p, true
	}
	return f.follow(p)
}

// follow is find behind the first pointer.
func (f *fieldPath) follow(p place) (field place, ok bool) {
	for _, h := range f.hops {
		if p, ok = p.target(); !ok {
			return p, false
		}
		p = p.field(h.off)
	}
	return p, true
}

// reach returns the field's place, allocating what pointers on the way lack.
func (f *fieldPath) reach(p place) place {
	if f.hops != nil {
		return f.allocate(p)
	}
	return p.field(f.first)
}

// allocate is reach through pointers.
func (f *fieldPath) allocate(p place) place {
	p = p.field(f.first)
	for _, h := range f.hops {
		p = p.allocate(h.elem).field(h.off)
	}
	return p
}

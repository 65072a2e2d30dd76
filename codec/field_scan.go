package codec

import (
	"cmp"
	"reflect"
	"slices"
)

// label is what the tags of one field say.
type label struct {
	name      string
	tagged    bool // the name comes from a tag
	skip      bool
	omitEmpty bool
	omitZero  bool
	quoted    bool
	kind      ParamKind
	optional  bool
}

// scanned is one field of a struct or of the structs embedded in it.
type scanned struct {
	label
	index []int // from the outermost struct, as in reflect.Value.FieldByIndex
	goes  string
	field reflect.StructField
}

// embedded is a struct whose fields count as those of the outermost one.
type embedded struct {
	typ   reflect.Type
	index []int
	path  string // Go path with a dot behind, for messages
	twice bool   // embedded more than once at this depth
}

// labeler reads the tags of one field. It is called for embedded structs too: with a name from a tag they are fields like any other.
type labeler func(f reflect.StructField, path string) (label, *TypeError)

// scanFields lists the fields of struct t by depth of embedding, by the rules of encoding/json: unexported fields are left out,
// structs embedded without a name of their own are opened, and each struct type is opened at its least depth only.
func scanFields(t reflect.Type, read labeler) ([]scanned, *TypeError) {
	var found []scanned
	opened := map[reflect.Type]bool{}
	level := []embedded{{typ: t}}
	for len(level) > 0 {
		var next []embedded
		for _, e := range level {
			if opened[e.typ] {
				continue
			}
			opened[e.typ] = true
			fields, inner, err := e.scan(read)
			if err != nil {
				return nil, err
			}
			found = append(found, fields...)
			next = mergeEmbedded(next, inner)
		}
		level = next
	}
	return found, nil
}

// scan lists the fields of one struct, and the structs embedded in it.
func (e embedded) scan(read labeler) (fields []scanned, inner []embedded, err *TypeError) {
	for i := range e.typ.NumField() {
		f := e.typ.Field(i)
		if isHidden(f) {
			continue
		}
		l, err := read(f, e.path+f.Name)
		if err != nil {
			return nil, nil, err
		}
		if l.skip {
			continue
		}
		index := append(slices.Clone(e.index), i)
		if t := structBehind(f.Type); f.Anonymous && !l.tagged && t != nil {
			inner = append(inner, embedded{typ: t, index: index, path: e.path + f.Name + "."})
			continue
		}
		s := scanned{label: l, index: index, goes: e.path + f.Name, field: f}
		fields = append(fields, s)
		if e.twice {
			fields = append(fields, s)
		}
	}
	return fields, inner, nil
}

// mergeEmbedded adds to the structs of the next depth; one that is there already only counts as embedded twice.
func mergeEmbedded(next, inner []embedded) []embedded {
	for _, e := range inner {
		i := slices.IndexFunc(next, func(n embedded) bool { return n.typ == e.typ })
		if i < 0 {
			next = append(next, e)
		} else {
			next[i].twice = true
		}
	}
	return next
}

// isHidden tells whether a field is out of reach: unexported, other than embedded structs, whose exported fields are promoted.
func isHidden(f reflect.StructField) bool {
	if f.IsExported() {
		return false
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return !f.Anonymous || t.Kind() != reflect.Struct
}

// structBehind returns t, or what the unnamed pointer type t points at, if it is a struct.
func structBehind(t reflect.Type) reflect.Type {
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

// byDeclaration orders fields as they stand in the source, embedded ones where their struct is embedded.
func byDeclaration(a, b scanned) int { return slices.Compare(a.index, b.index) }

// byRank orders fields of one name by who hides whom: the least depth first, then those named by a tag.
func byRank(a, b scanned) int {
	if c := cmp.Compare(len(a.index), len(b.index)); c != 0 {
		return c
	}
	if a.tagged != b.tagged {
		if a.tagged {
			return -1
		}
		return 1
	}
	return slices.Compare(a.index, b.index)
}

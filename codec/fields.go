package codec

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// label has the tags of one field.
type label struct {
	name      string
	tagged    bool // the name comes from a tag
	skip      bool
	omitEmpty bool
	omitZero  bool
	quoted    bool
	kind      ParamKind
	optional  bool
	aliases   []string // older names, for reading
}

// scanned is one field of a struct or of the structs embedded in it.
type scanned struct {
	label
	index  []int // from the outermost struct, as in reflect.Value.FieldByIndex
	goPath string
	field  reflect.StructField
}

// embedded is a struct whose fields count as fields of the outermost one.
type embedded struct {
	typ   reflect.Type
	index []int
	path  string // Go path with a dot behind, for messages
	twice bool   // embedded more than once at this depth
}

// labeler reads the tags of one field. It is called for embedded structs too: with a name
// from a tag they are fields like any other.
type labeler func(f reflect.StructField, path string) (label, *TypeError)

// scanFields lists the fields of struct t by depth of embedding, by the rules of
// encoding/json: unexported fields are left out, structs embedded without a name in a
// tag are opened, and each struct type is opened at its least depth only.
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
		s := scanned{label: l, index: index, goPath: e.path + f.Name, field: f}
		fields = append(fields, s)
		if e.twice {
			fields = append(fields, s)
		}
	}
	return fields, inner, nil
}

// mergeEmbedded adds inner to the structs of the next depth. A struct that is already
// there is marked as embedded twice.
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

// isHidden reports whether a field is out of reach: unexported, other than embedded
// structs, whose exported fields are promoted.
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

// structBehind returns the struct type t, or the struct type that the unnamed pointer
// type t points at, else nil.
func structBehind(t reflect.Type) reflect.Type {
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

// byDeclaration orders fields as they stand in the source, embedded ones where their
// struct is embedded.
func byDeclaration(a, b scanned) int { return slices.Compare(a.index, b.index) }

// byRank orders fields of one name by precedence: the least depth first, then those
// named by a tag.
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

// jsonFields lists the fields of a nested struct as encoding/json sees them, in the order
// of declaration. Of several with one name the least deep wins, then the one named by a
// tag; if that leaves more than one, none counts.
func jsonFields(t reflect.Type) []scanned {
	found, _ := scanFields(t, jsonLabel) // jsonLabel returns no error
	byName := map[string][]scanned{}
	for _, f := range found {
		byName[f.name] = append(byName[f.name], f)
	}
	var fields []scanned
	for _, same := range byName {
		slices.SortFunc(same, byRank)
		if len(same) == 1 || len(same[0].index) < len(same[1].index) || same[0].tagged != same[1].tagged {
			fields = append(fields, same[0])
		}
	}
	slices.SortFunc(fields, byDeclaration)
	return fields
}

// jsonLabel reads the json tag of a nested field.
func jsonLabel(f reflect.StructField, _ string) (label, *TypeError) {
	tag := f.Tag.Get("json")
	if tag == "-" {
		return label{skip: true}, nil
	}
	name, rest, _ := strings.Cut(tag, ",")
	options := strings.Split(rest, ",")
	l := label{
		name:      f.Name,
		omitEmpty: slices.Contains(options, "omitempty"),
		omitZero:  slices.Contains(options, "omitzero"),
		quoted:    slices.Contains(options, "string") && isQuotable(f.Type),
	}
	if isValidName(name) {
		l.name, l.tagged = name, true
	}
	return l, nil
}

// isQuotable reports whether the option ",string" means anything for a type: strings,
// numbers, booleans and pointers to these.
func isQuotable(t reflect.Type) bool {
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	k := t.Kind()
	return k >= reflect.Bool && k <= reflect.Float64 || k == reflect.String
}

// isValidName reports whether encoding/json takes name from a tag: letters, digits and
// punctuation without quotes, backslash and comma.
func isValidName(name string) bool {
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) {
			return false
		}
	}
	return name != ""
}

// fieldPath leads from a struct to one of its fields, through embedded structs and
// pointers to such.
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

// follow is find from the first pointer on.
func (f *fieldPath) follow(p place) (field place, ok bool) {
	for _, h := range f.hops {
		p, ok = p.target()
		if !ok {
			return p, false
		}
		p = p.field(h.off)
	}
	return p, true
}

// reach returns the field's place. It allocates the values of nil pointers on the way.
func (f *fieldPath) reach(p place) place {
	if f.hops != nil {
		return f.allocate(p)
	}
	return p.field(f.first)
}

// allocate is reach for a path with pointers.
func (f *fieldPath) allocate(p place) place {
	p = p.field(f.first)
	for _, h := range f.hops {
		p = p.allocate(h.elem).field(h.off)
	}
	return p
}

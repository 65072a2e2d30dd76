package codec

import "reflect"

// Form is the kind of JSON value that a Go type is on the wire.
type Form int

const (
	// FormAny is any JSON value: an interface, json.RawMessage, a type with methods of
	// its own such as MarshalJSON.
	FormAny Form = iota
	// FormBool is true or false.
	FormBool
	// FormInteger is a number without fraction and exponent, of Shape.Bits bits.
	FormInteger
	// FormNumber is a number, of Shape.Bits bits, or of any precision if that is 0.
	FormNumber
	// FormString is a string.
	FormString
	// FormText is a string that the type's own MarshalText writes.
	FormText
	// FormTime is a string with a time by RFC 3339.
	FormTime
	// FormBytes is a string of standard base64; null for nil.
	FormBytes
	// FormPointer is the form of Shape.Elem, or null.
	FormPointer
	// FormSlice is an array of Shape.Elem; null for nil.
	FormSlice
	// FormArray is an array of Shape.Length times Shape.Elem.
	FormArray
	// FormMap is an object whose members are Shape.Elem; null for nil.
	FormMap
	// FormStruct is an object with Shape.Members.
	FormStruct
)

// Shape describes the JSON of a Go type by the plan that reads and writes it, for tools.
// Recursive types give recursive shapes. Do not change a shape.
type Shape struct {
	Form     Form
	Type     reflect.Type // the Go type
	Bits     int          // of FormInteger and FormNumber: 8 to 64; int and uint have 64
	Unsigned bool         // of FormInteger
	Length   int          // of FormArray
	Elem     *Shape       // of FormPointer, FormSlice, FormArray and FormMap
	Members  []Member     // of FormStruct, in the order of declaration
}

// Member is one field of a nested struct.
type Member struct {
	Name   string // in JSON; readers accept it in any case
	Index  []int  // of the Go field, as in reflect.Type.FieldByIndex
	Quoted bool   // by the json option ",string": a string that holds the JSON of Shape
	Shape  *Shape
}

// ShapeOf returns the form of the value of a parameter on the wire. The form of a [Rest]
// is its map.
//
// It is not a method of Param. The linker would keep the method in programs that never
// call it, since one of their dependencies looks up methods by name.
func ShapeOf(p Param) *Shape {
	s := shaper{builder: newBuilder(p.Type), known: map[shapeKey]*Shape{}}
	if p.Kind == Rest {
		return &Shape{Form: FormMap, Type: p.Type, Elem: s.shape(p.Type.Elem(), false, true)}
	}
	return s.shape(p.Type, true, true)
}

// shaper describes a type and those below it.
type shaper struct {
	*builder

	known map[shapeKey]*Shape
}

// shapeKey is what the plan of a type depends on: see encoderKey and decoderKey.
type shapeKey struct {
	typ           reflect.Type
	addr, pointed bool
}

// shape asks the compiled plan which of its kinds writes and reads t. Parts are visited
// with the flags that newEncoder and newDecoder give them.
func (s *shaper) shape(t reflect.Type, addr, pointed bool) *Shape {
	key := shapeKey{typ: t, addr: addr, pointed: pointed}
	if known, ok := s.known[key]; ok {
		return known
	}
	sh := &Shape{Type: t}
	s.known[key] = sh
	enc, err := s.encoder(t, addr)
	if err != nil {
		return sh // New has refused such a type
	}
	dec, err := s.decoder(t, pointed)
	if err != nil {
		return sh
	}
	if _, ok := dec.(*pointerDecoder); ok {
		// Where a pointer has methods, they belong to what it points at.
		sh.Form, sh.Elem = FormPointer, s.shape(t.Elem(), true, true)
		return sh
	}
	if form, own := ownForm(enc, dec); own {
		sh.Form = form
		return sh
	}
	switch dec := dec.(type) {
	case timeKind:
		sh.Form = FormTime
	case numberKind:
		sh.Form = FormNumber
	case *boolKind:
		sh.Form = FormBool
	case *stringKind:
		sh.Form = FormString
	case *intKind, *uintKind:
		sh.Form, sh.Bits, sh.Unsigned = FormInteger, bitsOf(t), isUnsigned(t.Kind())
	case *floatKind:
		sh.Form, sh.Bits = FormNumber, t.Bits()
	case *sliceDecoder, *bytesKind:
		s.slice(sh, enc)
	case *arrayDecoder:
		sh.Form, sh.Length, sh.Elem = FormArray, t.Len(), s.shape(t.Elem(), addr, false)
	case *mapDecoder, *stringMapKind:
		sh.Form, sh.Elem = FormMap, s.shape(t.Elem(), false, false)
	case *structDecoder:
		sh.Form, sh.Members = FormStruct, s.members(t, dec, addr)
	}
	return sh
}

// slice tells bytes from a list: elements with their own methods are written one by
// one, whatever their kind is.
func (s *shaper) slice(sh *Shape, enc encoder) {
	if _, bytes := enc.(*bytesKind); bytes {
		sh.Form = FormBytes
		return
	}
	sh.Form, sh.Elem = FormSlice, s.shape(sh.Type.Elem(), true, false)
}

func (s *shaper) members(t reflect.Type, dec *structDecoder, addr bool) []Member {
	var members []Member
	for i, f := range jsonFields(t) {
		m := Member{Name: f.name, Index: f.index, Quoted: f.quoted}
		_, closed := dec.fields[i].dec.(deadEndDecoder)
		byPointer := len(pathOf(t, f.index).hops) > 0
		if !closed {
			m.Shape = s.shape(f.field.Type, addr || byPointer, false)
		}
		if closed || m.Quoted && m.Shape.own() {
			// Nothing can be read there, or the writer and the reader see ",string" differently.
			m.Shape, m.Quoted = &Shape{Type: f.field.Type}, false
		}
		members = append(members, m)
	}
	return members
}

// own reports whether methods of the type, or of what it points at, write it.
func (s *Shape) own() bool {
	if s.Form == FormPointer {
		return s.Elem.own()
	}
	return s.Form == FormAny || s.Form == FormText
}

// ownForm reports whether methods of the type write or read it. If the two differ in
// kind, as for a value without an address whose method has a pointer receiver, any value
// is allowed.
func ownForm(enc encoder, dec decoder) (form Form, own bool) {
	switch enc.(type) {
	case *marshalEncoder, *anyEncoder:
		return FormAny, true
	}
	_, writesText := enc.(*textEncoder)
	_, writesString := enc.(*stringKind)
	_, readsString := dec.(*stringKind)
	switch dec.(type) {
	case *textDecoder:
		if writesText || writesString {
			return FormText, true
		}
		return FormAny, true
	case *unmarshalDecoder, anyDecoder, *closedDecoder:
		return FormAny, true
	}
	if writesText && readsString {
		return FormText, true
	}
	return FormAny, writesText
}

// bitsOf returns the size of an integer type. That of int differs from machine to machine
// and is not on the wire: it counts as 64.
func bitsOf(t reflect.Type) int {
	switch t.Kind() {
	case reflect.Int, reflect.Uint, reflect.Uintptr:
		return 64
	}
	return t.Bits()
}

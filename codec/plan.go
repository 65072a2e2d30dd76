package codec

import (
	"reflect"
	"strings"
	"sync"
)

// builder compiles the encoders and decoders of one type and all types below it.
type builder struct {
	root     reflect.Type
	path     []string // Go path of the field being compiled
	encoders map[encoderKey]*lateEncoder
	decoders map[decoderKey]*lateDecoder
	readable map[encoderKey]bool // types that checkReadable has seen
}

// encoderKey tells apart values with an address from those in maps and interfaces:
// encoding/json calls methods with pointer receivers only on the former.
type encoderKey struct {
	typ  reflect.Type
	addr bool
}

// decoderKey tells apart values behind a pointer: only there does encoding/json look for
// methods of unnamed types.
type decoderKey struct {
	typ     reflect.Type
	pointed bool
}

func newBuilder(root reflect.Type) *builder {
	return &builder{
		root:     root,
		encoders: map[encoderKey]*lateEncoder{},
		decoders: map[decoderKey]*lateDecoder{},
		readable: map[encoderKey]bool{},
	}
}

// fail returns a TypeError at the field being compiled.
func (b *builder) fail(reason string) *TypeError {
	return &TypeError{Type: b.root, Field: strings.Join(b.path, "."), Reason: reason}
}

// within runs compile with path as the field being compiled.
func (b *builder) within(path string, compile func() *TypeError) *TypeError {
	b.path = append(b.path, path)
	err := compile()
	b.path = b.path[:len(b.path)-1]
	return err
}

// dynamicEncoder returns the encoder of a type found in an interface.
func dynamicEncoder(t reflect.Type) (encoder, *TypeError) {
	if enc, ok := cached[encoder](&dynamicEncoders, t); ok {
		return enc, nil
	}
	enc, err := newBuilder(t).encoder(t, false)
	if err != nil {
		return nil, err
	}
	return store(&dynamicEncoders, t, enc), nil
}

// encoder returns the encoder of a type, the one being built if the type is recursive.
func (b *builder) encoder(t reflect.Type, addr bool) (encoder, *TypeError) {
	key := encoderKey{typ: t, addr: addr}
	if late, ok := b.encoders[key]; ok {
		if late.encoder != nil {
			return late.encoder, nil
		}
		return late, nil
	}
	late := new(lateEncoder)
	b.encoders[key] = late
	enc, err := b.newEncoder(t, addr)
	late.encoder = enc
	return enc, err
}

// newEncoder chooses as encoding/json does: MarshalJSON before MarshalText before the
// kind, and methods with pointer receivers only where the value has an address.
func (b *builder) newEncoder(t reflect.Type, addr bool) (encoder, *TypeError) {
	byPointer := addr && t.Kind() != reflect.Pointer
	switch pointer := reflect.PointerTo(t); {
	case t == timeType:
		return timeKind{}, nil
	case byPointer && pointer.Implements(marshalerType) || t.Implements(marshalerType):
		return &marshalEncoder{typ: t}, nil
	case byPointer && pointer.Implements(textMarshalerType) || t.Implements(textMarshalerType):
		return &textEncoder{typ: t}, nil
	case t == numberType:
		return numberKind{}, nil
	case isStringMap(t):
		return &stringMapKind{}, nil
	}
	switch t.Kind() {
	case reflect.Interface:
		return &anyEncoder{typ: t}, nil
	case reflect.Struct:
		return b.structEncoder(t, addr)
	case reflect.Map:
		return b.mapEncoder(t)
	case reflect.Slice:
		return b.sliceEncoder(t)
	case reflect.Array:
		elem, err := b.encoder(t.Elem(), addr)
		return &arrayEncoder{length: t.Len(), size: t.Elem().Size(), elem: elem}, err
	case reflect.Pointer:
		elem, err := b.encoder(t.Elem(), true)
		return &pointerEncoder{elem: elem}, err
	}
	return b.scalar(t)
}

// kind is an encoder and decoder in one, for the types that have no parts.
type kind interface {
	encoder
	decoder
}

func (b *builder) scalar(t reflect.Type) (kind, *TypeError) {
	switch k := t.Kind(); {
	case k == reflect.Bool:
		return &boolKind{}, nil
	case k == reflect.String:
		return &stringKind{}, nil
	case isSigned(k):
		return &intKind{size: t.Size(), name: typeName(t)}, nil
	case isUnsigned(k):
		return &uintKind{size: t.Size(), name: typeName(t)}, nil
	case k == reflect.Float32 || k == reflect.Float64:
		return &floatKind{size: t.Size(), name: typeName(t)}, nil
	}
	return nil, b.fail("unsupported type " + typeName(t))
}

// isStringMap reports whether a type has the layout and the keys of map[string]string.
func isStringMap(t reflect.Type) bool {
	return t.Kind() == reflect.Map && t.Key() == reflect.TypeFor[string]() && t.Elem() == reflect.TypeFor[string]()
}

func (b *builder) mapEncoder(t reflect.Type) (*mapEncoder, *TypeError) {
	key := keyNameOf(t.Key())
	if key == nil {
		return nil, b.fail("unsupported map key type " + typeName(t.Key()))
	}
	elem, err := b.encoder(t.Elem(), false)
	return &mapEncoder{typ: t, key: key, elem: elem}, err
}

func (b *builder) sliceEncoder(t reflect.Type) (encoder, *TypeError) {
	if pointer := reflect.PointerTo(t.Elem()); t.Elem().Kind() == reflect.Uint8 &&
		!pointer.Implements(marshalerType) && !pointer.Implements(textMarshalerType) {
		return &bytesKind{}, nil
	}
	elem, err := b.encoder(t.Elem(), true)
	return &sliceEncoder{size: t.Elem().Size(), elem: elem}, err
}

func (b *builder) structEncoder(t reflect.Type, addr bool) (encoder, *TypeError) {
	fields := jsonFields(t)
	k := &structEncoder{fields: make([]*fieldEncoder, len(fields))}
	for i, f := range fields {
		err := b.within(f.goPath, func() (err *TypeError) {
			k.fields[i], err = b.fieldEncoder(t, f, addr)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return k, nil
}

func (b *builder) fieldEncoder(t reflect.Type, f scanned, addr bool) (*fieldEncoder, *TypeError) {
	path := pathOf(t, f.index)
	enc, err := b.encoder(f.field.Type, addr || len(path.hops) > 0)
	if f.quoted && !hasMethods(enc) {
		enc = &quotedEncoder{plain: enc}
	}
	var omit []zeroTest
	if f.omitEmpty {
		omit = append(omit, emptyTestOf(f.field.Type))
	}
	if f.omitZero {
		omit = append(omit, zeroTestOf(f.field.Type))
	}
	_, text := enc.(*stringKind)
	fe := &fieldEncoder{off: path.first, enc: enc, text: text, member: "." + f.name, key: newMemberKey(f.name)}
	if omit != nil || path.hops != nil {
		fe.only = &condition{path: path, omit: omit}
	}
	return fe, err
}

// hasMethods reports whether a type's methods write it. They ignore the option
// ",string".
func hasMethods(enc encoder) bool {
	switch k := enc.(type) {
	case *marshalEncoder, *textEncoder:
		return true
	case *pointerEncoder:
		return hasMethods(k.elem)
	}
	return false
}

// decoder returns the decoder of a type, the one being built if the type is recursive.
func (b *builder) decoder(t reflect.Type, pointed bool) (decoder, *TypeError) {
	key := decoderKey{typ: t, pointed: pointed}
	if late, ok := b.decoders[key]; ok {
		if late.decoder != nil {
			return late.decoder, nil
		}
		return late, nil
	}
	late := new(lateDecoder)
	b.decoders[key] = late
	dec, err := b.newDecoder(t, pointed)
	late.decoder = dec
	return dec, err
}

// newDecoder chooses as encoding/json does: UnmarshalJSON before UnmarshalText before the
// kind, and methods only for named types and what pointers point at.
func (b *builder) newDecoder(t reflect.Type, pointed bool) (decoder, *TypeError) {
	hasMethods := t.Kind() != reflect.Pointer && (pointed || t.Name() != "")
	switch pointer := reflect.PointerTo(t); {
	case t == timeType:
		return timeKind{}, nil
	case hasMethods && pointer.Implements(unmarshalerType):
		return &unmarshalDecoder{typ: t}, nil
	case hasMethods && pointer.Implements(textUnmarshalerType):
		return &textDecoder{typ: t}, nil
	case t == numberType:
		return numberKind{}, nil
	}
	switch t.Kind() {
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return &closedDecoder{typ: t}, nil
		}
		return anyDecoder{}, nil
	case reflect.Struct:
		return b.structDecoder(t)
	case reflect.Map:
		return b.mapDecoder(t)
	case reflect.Slice:
		return b.sliceDecoder(t)
	case reflect.Array:
		elem, err := b.decoder(t.Elem(), false)
		return &arrayDecoder{typ: t, size: t.Elem().Size(), elem: elem}, err
	case reflect.Pointer:
		elem, err := b.decoder(t.Elem(), true)
		return &pointerDecoder{typ: t, elemType: t.Elem(), elem: elem}, err
	}
	return b.scalar(t)
}

func (b *builder) mapDecoder(t reflect.Type) (decoder, *TypeError) {
	elem, err := b.decoder(t.Elem(), false)
	k := mapDecoder{typ: t, key: keyParserOf(t.Key()), elem: elem}
	if isStringMap(t) {
		return &stringMapKind{generic: k}, err
	}
	return &k, err
}

func (b *builder) sliceDecoder(t reflect.Type) (decoder, *TypeError) {
	elem, err := b.decoder(t.Elem(), false)
	k := sliceDecoder{typ: t, size: t.Elem().Size(), elem: elem}
	if t.Elem().Kind() == reflect.Uint8 {
		return &bytesKind{elements: k}, err
	}
	return &k, err
}

func (b *builder) structDecoder(t reflect.Type) (decoder, *TypeError) {
	fields := jsonFields(t)
	k := &structDecoder{
		name:   typeName(t),
		fields: make([]fieldDecoder, len(fields)),
		exact:  map[string]int{},
		folded: map[string]int{},
	}
	for i, f := range fields {
		err := b.within(f.goPath, func() (err *TypeError) {
			k.fields[i], err = b.fieldDecoder(t, f)
			return err
		})
		if err != nil {
			return nil, err
		}
		k.exact[f.name] = i
		folded := string(appendFolded(nil, f.name))
		if _, ok := k.folded[folded]; !ok {
			k.folded[folded] = i
		}
	}
	return k, nil
}

func (b *builder) fieldDecoder(t reflect.Type, f scanned) (fieldDecoder, *TypeError) {
	fd := fieldDecoder{key: newMemberKey(f.name), member: "." + f.name}
	if deadEnd(t, f.index) {
		fd.dec = deadEndDecoder{}
		return fd, nil
	}
	dec, err := b.decoder(f.field.Type, false)
	if f.quoted {
		dec = quoted(f.field.Type, dec)
	}
	fd.path, fd.dec = pathOf(t, f.index), dec
	return fd, err
}

// deadEnd reports whether the way to a field leads through an embedded pointer to an
// unexported struct.
func deadEnd(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		f := t.Field(i)
		if !f.IsExported() && f.Type.Kind() == reflect.Pointer {
			return true
		}
		t = f.Type
	}
	return false
}

// quoted returns the decoder of a field with the option ",string".
func quoted(t reflect.Type, plain decoder) decoder {
	inner := plain
	if p, ok := plain.(*pointerDecoder); ok {
		inner = p.elem
	}
	switch inner.(type) {
	case *unmarshalDecoder, *textDecoder:
		plain = nil
	}
	return &quotedDecoder{typ: t, plain: plain}
}

// encoder writes values of one type. Encoders are immutable and shared by goroutines.
type encoder interface {
	// encode appends the JSON form of the value at p to dst. On an error the returned dst
	// is invalid.
	encode(dst []byte, p place, w *walk) ([]byte, *Error)
}

// decoder reads values of one type. Decoders are immutable and shared by goroutines.
type decoder interface {
	// decode reads the JSON value that begins at s[i] into p, over what is there already
	// as encoding/json does, and returns the index past it. depth is the number of arrays
	// and objects around the value.
	decode(s string, i int, p place, depth int) (int, *Error)
}

// lateEncoder stands for the encoder of a recursive type while that one is being built.
type lateEncoder struct{ encoder }

// lateDecoder stands for the decoder of a recursive type while that one is being built.
type lateDecoder struct{ decoder }

// closeArray ends an array whose elements each wrote a comma behind them.
func closeArray(dst []byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = ']'
		return dst
	}
	return append(dst, ']')
}

func appendNull(dst []byte) []byte { return append(dst, "null"...) }

// closeObject ends an object of members that began at start, each with a comma.
func closeObject(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst, "{}"...)
	}
	dst[start] = '{'
	return append(dst, '}')
}

// The compiled plans, for the life of the program: the *signature of an argument struct,
// and the encoder of a type found in an interface.
var (
	signatures      sync.Map
	dynamicEncoders sync.Map
)

// cached returns the cached value of a type.
func cached[V any](cache *sync.Map, t reflect.Type) (V, bool) {
	x, _ := cache.Load(t)
	v, ok := x.(V)
	return v, ok
}

// store stores v unless another goroutine was first, and returns what is stored.
func store[V any](cache *sync.Map, t reflect.Type, v V) V {
	x, _ := cache.LoadOrStore(t, v)
	v, _ = x.(V)
	return v
}

package codec

import "reflect"

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

// newEncoder chooses as encoding/json does: MarshalJSON before MarshalText before the kind, and methods with pointer receivers
// only where the value has an address.
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
		return &intKind{size: t.Size(), name: t.String()}, nil
	case isUnsigned(k):
		return &uintKind{size: t.Size(), name: t.String()}, nil
	case k == reflect.Float32 || k == reflect.Float64:
		return &floatKind{size: t.Size(), name: t.String()}, nil
	}
	return nil, b.fail("unsupported type " + t.String())
}

// isStringMap tells whether a type has the layout and the keys of map[string]string.
func isStringMap(t reflect.Type) bool {
	return t.Kind() == reflect.Map && t.Key() == reflect.TypeFor[string]() && t.Elem() == reflect.TypeFor[string]()
}

func (b *builder) mapEncoder(t reflect.Type) (*mapEncoder, *TypeError) {
	key := keyNameOf(t.Key())
	if key == nil {
		return nil, b.fail("unsupported map key type " + t.Key().String())
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
		err := b.within(f.goes, func() (err *TypeError) {
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

// hasMethods tells whether a type's own methods write it, which know nothing of the option ",string".
func hasMethods(enc encoder) bool {
	switch k := enc.(type) {
	case *marshalEncoder, *textEncoder:
		return true
	case *pointerEncoder:
		return hasMethods(k.elem)
	}
	return false
}

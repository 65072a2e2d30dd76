package codec

import "reflect"

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

// newDecoder chooses as encoding/json does: UnmarshalJSON before UnmarshalText before the kind, and methods only for named types
// and what pointers point at.
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
	k := &structDecoder{name: t.String(), fields: make([]fieldDecoder, len(fields)), exact: map[string]int{}, folded: map[string]int{}}
	for i, f := range fields {
		err := b.within(f.goes, func() (err *TypeError) {
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

// deadEnd tells whether the way to a field leads through an embedded pointer to an unexported struct.
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

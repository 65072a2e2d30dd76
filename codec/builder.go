package codec

import (
	"reflect"
	"strings"
)

// builder compiles the encoders and decoders of one type and all types below it.
type builder struct {
	root     reflect.Type
	path     []string // Go path of the field being compiled
	encoders map[encoderKey]*lateEncoder
	decoders map[decoderKey]*lateDecoder
}

// encoderKey tells apart values with an address, whose methods with pointer receivers encoding/json calls, from those in maps and interfaces.
type encoderKey struct {
	typ  reflect.Type
	addr bool
}

// decoderKey tells apart values behind a pointer: only there does encoding/json look for methods of unnamed types.
type decoderKey struct {
	typ     reflect.Type
	pointed bool
}

func newBuilder(root reflect.Type) *builder {
	return &builder{root: root, encoders: map[encoderKey]*lateEncoder{}, decoders: map[decoderKey]*lateDecoder{}}
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

// dynamicEncoder returns the encoder of a type that turned up in an interface.
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

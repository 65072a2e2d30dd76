package codec

import "reflect"

// EncodeValue writes one value, which is addressable, as the value of a parameter.
func EncodeValue(v reflect.Value) ([]byte, error) {
	enc, bad := newBuilder(v.Type()).encoder(v.Type(), true)
	if bad != nil {
		return nil, bad
	}
	var pool walkPool
	dst, err := enc.encode(nil, placeOf(v), pool.get())
	if err != nil {
		return nil, err
	}
	return dst, nil
}

// DecodeValue reads one value, and nothing behind it, into v, which is addressable.
func DecodeValue(s string, v reflect.Value) error {
	dec, bad := newBuilder(v.Type()).decoder(v.Type(), true)
	if bad != nil {
		return bad
	}
	i, done, err := open("["+s+"]", '[', "array")
	if err != nil || done {
		return unexpected(s, 0, "a value")
	}
	if i, err = dec.decode("["+s+"]", i, placeOf(v), 0); err == nil {
		i, done, err = leave("["+s+"]", i, ']')
	}
	if err != nil {
		return err
	}
	if i != len(s)+2 || !done {
		return unexpected(s, i, "the end")
	}
	return nil
}

// CheckType compiles an argument struct that only package reflect knows.
func CheckType(t reflect.Type) error {
	if _, err := newBuilder(t).signature(); err != nil {
		return err
	}
	return nil
}

// SnakeCase exposes the default naming.
func SnakeCase(name string) string { return snakeCase(name) }

// KeptEntries returns how much memory for map entries the pool of a codec has kept, in
// entries.
func KeptEntries[T any]() int {
	sig, err := signatureOf(reflect.TypeFor[T]())
	if err != nil {
		return -1
	}
	return cap(sig.walks.get().entries)
}

// DecodeStruct binds arguments to an argument struct that only package reflect knows. v is
// addressable.
func DecodeStruct(args, kwargs string, v reflect.Value) error {
	sig, bad := newBuilder(v.Type()).signature()
	if bad != nil {
		return bad
	}
	if err := sig.bind(args, kwargs, placeOf(v)); err != nil {
		return err.settled()
	}
	return nil
}

// AppendStruct writes an argument struct that only package reflect knows. v is
// addressable.
func AppendStruct(v reflect.Value) ([]byte, error) {
	sig, bad := newBuilder(v.Type()).signature()
	if bad != nil {
		return nil, bad
	}
	return sig.append(nil, placeOf(v), 0)
}

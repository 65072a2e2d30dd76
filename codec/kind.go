package codec

// encoder writes values of one type. Encoders are immutable and shared by goroutines.
type encoder interface {
	// encode appends the JSON form of the value at p to dst. On an error what it returns as dst is of no use.
	encode(dst []byte, p place, w *walk) ([]byte, *Error)
}

// decoder reads values of one type. Decoders are immutable and shared by goroutines.
type decoder interface {
	// decode reads the JSON value that begins at s[i] into p, over what is there already as encoding/json does, and returns the index past it.
	// depth is the number of arrays and objects around the value.
	decode(s string, i int, p place, depth int) (int, *Error)
}

// lateEncoder stands for the encoder of a recursive type while that one is being built.
type lateEncoder struct{ encoder }

// lateDecoder stands for the decoder of a recursive type while that one is being built.
type lateDecoder struct{ decoder }

// closeWith ends an array or object whose elements each wrote a comma behind them.
func closeWith(dst []byte, closer byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = closer
		return dst
	}
	return append(dst, closer)
}

func appendNull(dst []byte) []byte { return append(dst, "null"...) }

// memberKey is the text "name": of an object's member.
type memberKey struct {
	text  string
	short [maxShortKey]byte // text, if it is not longer
}

const maxShortKey = 32

func newMemberKey(name string) memberKey {
	k := memberKey{text: `"` + name + `":`}
	copy(k.short[:], k.text)
	return k
}

// append writes the key. A copy of fixed length takes two instructions, one of the length of the key a call; what it writes beyond does not matter.
func (k *memberKey) append(dst []byte) []byte {
	n := len(dst)
	if len(k.text) > maxShortKey || cap(dst)-n < maxShortKey {
		return append(dst, k.text...)
	}
	*(*[maxShortKey]byte)(dst[n : n+maxShortKey]) = k.short
	return dst[:n+len(k.text)]
}

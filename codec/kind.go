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

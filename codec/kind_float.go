package codec

import (
	"math"
	"strconv"
)

// floatKind is a floating point type.
type floatKind struct {
	size uintptr // bytes
	name string
}

func (k *floatKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	if k.size == 4 {
		return appendFloat(dst, p.float(k.size), 32)
	}
	return appendFloat64(dst, p.float(k.size))
}

func (k *floatKind) decode(s string, i int, p place, _ int) (int, *Error) {
	if f, end := scanFloat(s, i, k.size); end > 0 {
		p.setFloat(k.size, f)
		return end, nil
	}
	text, end, err := readNumber(s, i, k.name)
	if text == "" {
		return end, err
	}
	f, bad := strconv.ParseFloat(text, int(k.size)*8)
	if bad != nil {
		return i, doesNotFit(k.name)
	}
	p.setFloat(k.size, f)
	return end, nil
}

// scanFloat reads a float of size bytes the fast way; the end is 0 if there is none.
func scanFloat(s string, i int, size uintptr) (f float64, end int) {
	d, end := scanDecimal(s, i)
	if end == 0 {
		return 0, 0
	}
	f, ok := d.float()
	if size == 4 {
		f, ok = d.float32()
	}
	if !ok {
		return 0, 0
	}
	return f, end
}

// appendFloat64 is appendFloat for float64, of which most are short.
func appendFloat64(dst []byte, f float64) ([]byte, *Error) {
	if dst, ok := appendShort(dst, f); ok {
		return dst, nil
	}
	return appendFloat(dst, f, 64)
}

// appendFloat writes f as encoding/json does, which follows ECMAScript: the shortest digits that read back as f, with an exponent
// below 1e-6 and from 1e21 on, and without a zero before a one-digit exponent.
func appendFloat(dst []byte, f float64, bits int) ([]byte, *Error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, newError(ErrUnsupportedValue, "NaN or an infinity")
	}
	if !hasExponent(f, bits) {
		return strconv.AppendFloat(dst, f, 'f', -1, bits), nil
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	if n := len(dst); n >= 4 && string(dst[n-4:n-1]) == "e-0" {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst, nil
}

// hasExponent compares in the precision of the type, so that a float32 next to a limit falls on the same side as in encoding/json.
func hasExponent(f float64, bits int) bool {
	abs := math.Abs(f)
	if bits == 32 {
		return abs != 0 && (float32(abs) < 1e-6 || float32(abs) >= 1e21)
	}
	return abs != 0 && (abs < 1e-6 || abs >= 1e21)
}

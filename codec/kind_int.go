package codec

import "strconv"

// intKind is a signed integer type.
type intKind struct {
	size uintptr // bytes
	name string
}

func (k *intKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	return appendInt(dst, p.integer(k.size)), nil
}

func (k *intKind) decode(s string, i int, p place, _ int) (int, *Error) {
	if d, end := scanDecimal(s, i); end > 0 && !d.point {
		x := d.integer()
		if unused := 64 - 8*k.size; x<<unused>>unused != x {
			return i, doesNotFit(k.name)
		}
		p.setInteger(k.size, x)
		return end, nil
	}
	text, end, err := readInteger(s, i, k.name)
	if text == "" {
		return end, err
	}
	x, bad := strconv.ParseInt(text, 10, int(k.size)*8)
	if bad != nil {
		return i, doesNotFit(k.name)
	}
	p.setInteger(k.size, x)
	return end, nil
}

// uintKind is an unsigned integer type.
type uintKind struct {
	size uintptr // bytes
	name string
}

func (k *uintKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	return appendUint(dst, p.unsigned(k.size)), nil
}

func (k *uintKind) decode(s string, i int, p place, _ int) (int, *Error) {
	if d, end := scanDecimal(s, i); end > 0 && !d.point && !d.negative {
		if unused := 64 - 8*k.size; d.digits<<unused>>unused != d.digits {
			return i, doesNotFit(k.name)
		}
		p.setUnsigned(k.size, d.digits)
		return end, nil
	}
	text, end, err := readInteger(s, i, k.name)
	if text == "" {
		return end, err
	}
	x, bad := strconv.ParseUint(text, 10, int(k.size)*8)
	if bad != nil {
		return i, doesNotFit(k.name)
	}
	p.setUnsigned(k.size, x)
	return end, nil
}

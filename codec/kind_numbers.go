package codec

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// numberKind is json.Number: a number kept as its text, of any length and precision.
type numberKind struct{}

func (numberKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	return appendNumber(dst, p.str())
}

// decode takes a number, or a string that holds one, as encoding/json does.
func (numberKind) decode(s string, i int, p place, _ int) (int, *Error) {
	if !at(s, i, '"') {
		text, end, err := readNumber(s, i, "number")
		if text != "" {
			p.setStr(text)
		}
		return end, err
	}
	text, end, err := readString(s, i)
	if err == nil && !isNumber(text) {
		err = newError(ErrWrongType, "got string that is no number, want number")
	}
	if err != nil {
		return i, err
	}
	p.setStr(text)
	return end, nil
}

// appendNumber writes the text of a json.Number, 0 if it is empty.
func appendNumber(dst []byte, text string) ([]byte, *Error) {
	if text == "" {
		return append(dst, '0'), nil
	}
	if !isNumber(text) {
		return dst, newError(ErrUnsupportedValue, "json.Number that is no number")
	}
	return append(dst, text...), nil
}

func isNumber(text string) bool {
	end, err := jsontext.SkipNumber(text, 0)
	return err == nil && end == len(text)
}

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

// scanFloat reads a float of size bytes the fast way; the end is 0 if that fails.
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

// appendFloat writes f as encoding/json does, which follows ECMAScript: the shortest
// digits that read back as f, with an exponent below 1e-6 and from 1e21 on, and without a
// zero before a one-digit exponent.
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

// hasExponent compares in the precision of the type, so that a float32 next to a limit
// falls on the same side as in encoding/json.
func hasExponent(f float64, bits int) bool {
	abs := math.Abs(f)
	if bits == 32 {
		return abs != 0 && (float32(abs) < 1e-6 || float32(abs) >= 1e21)
	}
	return abs != 0 && (abs < 1e-6 || abs >= 1e21)
}

// appendInt appends x in decimal.
func appendInt(dst []byte, x int64) []byte {
	if x < 0 {
		dst = append(dst, '-')
		x = -x // the least int64 stays as it is, and is right as a uint64
	}
	return appendUint(dst, uint64(x))
}

// appendUint is appendInt for unsigned numbers.
func appendUint(dst []byte, x uint64) []byte {
	if x < 100 {
		return appendPair(dst, x)
	}
	if x >= eightDigits {
		return binary.LittleEndian.AppendUint64(appendUint(dst, x/eightDigits), splitDigits(x%eightDigits)+zeros)
	}
	digits := splitDigits(x)
	leading := bits.TrailingZeros64(digits|1<<56) &^ 7 // bits; the last digit is written even if it is 0
	room := dst[len(dst):cap(dst)]
	if len(room) < 8 {
		return append(dst, strconv.FormatUint(x, 10)...)
	}
	binary.LittleEndian.PutUint64(room, (digits+zeros)>>(leading&63))
	return dst[:len(dst)+8-leading/8]
}

// appendPair is appendUint for numbers below 100, which most are.
func appendPair(dst []byte, x uint64) []byte {
	if x < 10 {
		return append(dst, '0'+byte(x))
	}
	tens := x * 103 >> 10
	return append(dst, '0'+byte(tens), '0'+byte(x-10*tens))
}

const (
	eightDigits = 100_000_000
	zeros       = 0x30_30_30_30_30_30_30_30 // eight times '0'
)

// splitDigits returns the eight decimal digits of x, one in each byte, the first in the
// lowest. It halves all parts at once: two of four digits, four of two, eight of one. The
// factors are 1/100 and 1/10 rounded up, exact for parts of that size.
func splitDigits(x uint64) uint64 {
	x = x/10_000 | x%10_000<<32
	high := x * 10486 >> 20 & 0x0000007f_0000007f
	x = high | (x-100*high)<<16
	high = x * 103 >> 10 & 0x000f_000f_000f_000f
	return high | (x-10*high)<<8
}

// decimal is a number of at most 18 digits without exponent, which is nearly all numbers:
// digits / 10^scale.
type decimal struct {
	digits   uint64
	scale    int
	negative bool
	point    bool
}

const maxDigits = 18

// scanDecimal reads the number at s[i] in one pass. The end is 0 for a longer number and
// for another value; then the slow way decides.
func scanDecimal(s string, i int) (d decimal, end int) {
	if at(s, i, '-') {
		d.negative = true
		i++
	}
	start := i
	d.digits, i = scanDigits(s, i, 0)
	n := i - start
	if n == 0 || n > 1 && s[start] == '0' {
		return d, 0
	}
	if at(s, i, '.') {
		d.point = true
		start = i + 1
		d.digits, i = scanDigits(s, start, d.digits)
		d.scale = i - start
	}
	if n+d.scale > maxDigits || d.point && d.scale == 0 || i < len(s) && s[i]|0x20 == 'e' {
		return d, 0
	}
	return d, i
}

// scanDigits appends the digits at s[i] to x. Where there are too many it wraps around.
func scanDigits(s string, i int, x uint64) (uint64, int) {
	for i < len(s) && s[i]-'0' <= 9 {
		x = x*10 + uint64(s[i]-'0')
		i++
	}
	return x, i
}

func (d decimal) integer() int64 {
	if d.negative {
		return -int64(d.digits)
	}
	return int64(d.digits)
}

// float returns the nearest float64. ok is true only if both parts of the fraction are
// exact floats, since one division then rounds once.
func (d decimal) float() (f float64, ok bool) {
	f = float64(d.digits) / math.Pow10(d.scale)
	if d.negative {
		f = -f
	}
	return f, d.digits < 1<<53
}

// float32 is float for float32.
func (d decimal) float32() (f float64, ok bool) {
	f32 := float32(d.digits) / float32(math.Pow10(d.scale))
	if d.negative {
		f32 = -f32
	}
	return float64(f32), d.digits < 1<<24 && d.scale <= 10
}

// appendShort writes a float64 that is a decimal of at most 15 digits, 6 of them behind
// the point, and reports whether it was one. Decimals of 15 digits or less are all
// different floats, so a decimal that gives f back is the shortest.
func appendShort(dst []byte, f float64) ([]byte, bool) {
	const unit = 1_000_000
	abs := math.Abs(f)
	if !(abs < 1e15/unit) || f == 0 {
		return dst, false
	}
	scaled := int64(abs*unit + 0.5) // signed, which a machine converts in one step
	if float64(scaled)/unit != abs {
		return dst, false
	}
	if f < 0 {
		dst = append(dst, '-')
	}
	x := uint64(scaled)
	dst = appendUint(dst, x/unit)
	return appendFraction(dst, x%unit), true
}

// appendFraction writes x millionths, without zeros at the end.
func appendFraction(dst []byte, x uint64) []byte {
	if x == 0 {
		return dst
	}
	digits := splitDigits(100 * x)
	trailing := bits.LeadingZeros64(digits) / 8
	dst = binary.LittleEndian.AppendUint64(append(dst, '.'), digits+zeros)
	return dst[:len(dst)-trailing]
}

// readInteger reads a number without fraction or exponent. The text is empty for a null,
// and with an error.
func readInteger(s string, i int, want string) (text string, end int, err *Error) {
	text, end, err = readNumber(s, i, want)
	for j := range len(text) {
		if c := text[j]; c == '.' || c|0x20 == 'e' {
			return "", i, newError(ErrWrongType, "got number with a fraction or exponent, want "+want)
		}
	}
	return text, end, err
}

// readNumber reads a number. The text is empty for a null, and with an error.
func readNumber(s string, i int, want string) (text string, end int, err *Error) {
	if i >= len(s) || s[i] != '-' && s[i]-'0' > 9 {
		end, err = nullOr(s, i, want)
		return "", end, err
	}
	end, bad := jsontext.SkipNumber(s, i)
	if bad != nil {
		return "", end, syntaxError(bad)
	}
	return s[i:end], end, nil
}

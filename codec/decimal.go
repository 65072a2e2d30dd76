package codec

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// decimal is a number of at most 18 digits without exponent, which is nearly all numbers: digits / 10^scale.
type decimal struct {
	digits   uint64
	scale    int
	negative bool
	point    bool
}

const maxDigits = 18

// scanDecimal reads the number at s[i] in one pass. The end is 0 if it is none, or none so short; then the slow way decides.
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

// float returns the nearest float64. It is exact to say so only where both parts of the fraction are floats themselves, because one
// division rounds once; ok is false elsewhere.
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

// appendShort writes a float64 that is a decimal of at most 15 digits, 6 of them behind the point, and reports whether it was one.
// Decimals of 15 digits or less are all different floats, so one that gives f back is the shortest there is.
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

// readInteger reads a number without fraction or exponent. The text is empty for a null, and with an error.
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

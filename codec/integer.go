package codec

import (
	"math/bits"
	"slices"
)

// digitPairs is 00 01 02 ... 99.
const digitPairs = "00010203040506070809" +
	"10111213141516171819" +
	"20212223242526272829" +
	"30313233343536373839" +
	"40414243444546474849" +
	"50515253545556575859" +
	"60616263646566676869" +
	"70717273747576777879" +
	"80818283848586878889" +
	"90919293949596979899"

// powersOfTen holds 10 to the index.
var powersOfTen = [...]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// appendInt appends x in decimal, in place: strconv writes to a buffer of its own first.
func appendInt(dst []byte, x int64) []byte {
	if x < 0 {
		return appendUint(append(dst, '-'), -uint64(x))
	}
	return appendUint(dst, uint64(x))
}

// appendUint is appendInt for unsigned numbers.
func appendUint(dst []byte, x uint64) []byte {
	i := len(dst) + countDigits(x)
	dst = slices.Grow(dst, len("18446744073709551615"))[:i]
	for ; x >= 100; x /= 100 {
		pair := x % 100 * 2
		i -= 2
		dst[i], dst[i+1] = digitPairs[pair], digitPairs[pair+1]
	}
	dst[i-1] = digitPairs[x*2+1]
	if x >= 10 {
		dst[i-2] = digitPairs[x*2]
	}
	return dst
}

// countDigits returns the number of decimal digits of x: 1233/4096 is just above log10(2), so that the guess is right or one too high.
func countDigits(x uint64) int {
	guess := bits.Len64(x|1) * 1233 >> 12
	if x < powersOfTen[guess] {
		return max(1, guess)
	}
	return guess + 1
}

package codec

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// appendInt appends x in decimal.
func appendInt(dst []byte, x int64) []byte {
	if x < 0 {
		dst = append(dst, '-')
		x = -x // the least one stays as it is, and is right as an unsigned number
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

// splitDigits returns the eight decimal digits of x, one in each byte, the first in the lowest. It halves all parts at once: two of four digits,
// four of two, eight of one. The factors are 1/100 and 1/10 rounded up, exact for parts of that size.
func splitDigits(x uint64) uint64 {
	x = x/10_000 | x%10_000<<32
	high := x * 10486 >> 20 & 0x0000007f_0000007f
	x = high | (x-100*high)<<16
	high = x * 103 >> 10 & 0x000f_000f_000f_000f
	return high | (x-10*high)<<8
}

//go:build !amd64 || purego

package jsontext

import "encoding/binary"

// copyPlain writes s behind the end of dst up to the first byte that is not plain, and
// returns the index of that byte. If all of s is plain it writes a closing quote too,
// and returns len(s). dst must have room for s and slack, and copyPlain may write to all
// of it.
func copyPlain(dst []byte, s string) int {
	to := dst[len(dst):cap(dst)]
	i := 0
	for ; i+wordSize <= len(s); i += wordSize {
		w := loadWord(s, i)
		binary.LittleEndian.PutUint64(to[i:i+wordSize], w)
		if m := markPlainEnd(w); m != 0 {
			return i + firstMark(m)
		}
	}
	w := loadTail(s, i)
	binary.LittleEndian.PutUint64(to[i:i+wordSize], w)
	i += firstMark(markPlainEnd(w))
	if i < len(s) {
		return i
	}
	to[len(s)] = '"'
	return len(s)
}

// plainLen returns the index of the first byte of s that is not plain. It may stop before
// that, less than 16 bytes before the end of s.
func plainLen(s string) int {
	i := 0
	for ; i+wordSize <= len(s); i += wordSize {
		if m := markPlainEnd(loadWord(s, i)); m != 0 {
			return i + firstMark(m)
		}
	}
	return i
}

// markPlainEnd marks the bytes that markSpecial marks, and all that are not ASCII.
func markPlainEnd(w uint64) uint64 {
	quotes, backslashes := w^0x02*ones, w^'\\'*ones
	return ((quotes - 0x21*ones) | (backslashes - ones) | w) & highBits
}

// hasBlocks reports whether markBlocks is faster than looking at one byte after another.
const hasBlocks = false

// markBlocks is not called.
func markBlocks([]marks, string) {}

package jsontext

import "math/bits"

// SpanContainer returns the index just past the array or object that begins at s[i],
// without checking its content: it only finds the ends of strings and brackets. For a
// valid value the index is as in [SkipValue], at a third of the cost or less. For an
// invalid value it has no meaning, so the caller must check the whole value later. If
// the text ends early, or s[i] is no bracket, the error is a [*SyntaxError].
func SpanContainer(s string, i int) (end int, err error) {
	if !isOpener(s, i) {
		return i, Unexpected(s, i, "an array or object")
	}
	if hasBlocks && len(s)-i >= blockSize {
		end = i + spanBlocks(s[i:])
	} else {
		end = i + spanBytes(s[i:])
	}
	if end < i {
		return len(s), Unexpected(s, len(s), "the end of an array or object")
	}
	return end, nil
}

// spanBytes returns the length of the array or object that s begins with, by one byte
// after another. It is less than 0 if s ends before.
func spanBytes(s string) int {
	depth := 0
	for i := 0; i < len(s); {
		switch s[i] {
		case '"':
			i = spanString(s, i+1)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		i++
		if depth == 0 {
			return i
		}
	}
	return -1
}

// spanString returns the index past the string that s[i] is in, or len(s).
func spanString(s string, i int) int {
	for i+wordSize <= len(s) {
		m := markSpecial(loadWord(s, i))
		if m == 0 {
			i += wordSize
			continue
		}
		i += firstMark(m)
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
		i++
	}
	for i < len(s) && s[i] != '"' {
		if s[i] == '\\' {
			i++
		}
		i++
	}
	return min(len(s), i+1)
}

// blockSize is how many bytes markBlocks looks at together: one bit of a word for each.
const blockSize = 64

// marks has a bit mask for each kind of byte in a block: bit i is byte i.
type marks struct{ quotes, backslashes, openers, closers uint64 }

// cursor is where a scan by blocks is.
type cursor struct {
	depth   int    // open arrays and objects
	string  uint64 // all bits set if the block before ended within a string
	escaped uint64 // 1 if it ended with a backslash that escapes the first byte of this one
}

// spanBlocks is spanBytes for an s of a block or more, by blocks. The first time it looks
// at one block, later at more, since most arguments are small.
func spanBlocks(s string) int {
	var buffer [16]marks
	var c cursor
	size := 1
	for i := 0; i < len(s); size = min(4*size, len(buffer)) {
		ms := buffer[:min(size, (len(s)-i)/blockSize)]
		if len(ms) == 0 {
			// The last block overlaps the one before: shift out the common bytes.
			markBlocks(buffer[:1], s[len(s)-blockSize:])
			if end := c.block(buffer[0].behind(blockSize - (len(s) - i))); end >= 0 {
				return i + end
			}
			return -1
		}
		markBlocks(ms, s[i:])
		for j := range ms {
			if end := c.block(ms[j]); end >= 0 {
				return i + end
			}
			i += blockSize
		}
	}
	return -1
}

// behind returns the marks without the marks of the first n bytes.
func (m marks) behind(n int) marks {
	return marks{m.quotes >> n, m.backslashes >> n, m.openers >> n, m.closers >> n}
}

// block steps over a block and returns the index past the bracket that closes the last
// array or object, -1 if none does.
func (c *cursor) block(m marks) int {
	outside := ^c.strings(m)
	openers, closers := m.openers&outside, m.closers&outside
	if n := bits.OnesCount64(closers); n < c.depth {
		c.depth += bits.OnesCount64(openers) - n
		return -1
	}
	return c.brackets(openers, closers)
}

// strings returns which bytes of a block are in a string, the opening quote included:
// those with an odd number of quotes up to them, which the shifts count for all at once.
func (c *cursor) strings(m marks) uint64 {
	q := m.quotes
	if m.backslashes|c.escaped != 0 {
		q &^= c.escapes(m.backslashes)
	}
	q ^= q << 1
	q ^= q << 2
	q ^= q << 4
	q ^= q << 8
	q ^= q << 16
	q ^= q << 32
	q ^= c.string
	c.string = -(q >> 63)
	return q
}

// escapes returns which bytes of a block are behind a backslash that is not behind one
// itself.
func (c *cursor) escapes(backslashes uint64) uint64 {
	escaped := c.escaped
	c.escaped = 0
	for backslashes &^= escaped; backslashes != 0; {
		first := backslashes & -backslashes
		escaped |= first << 1
		c.escaped = first >> (blockSize - 1)
		backslashes &^= first | first<<1
	}
	return escaped
}

// brackets is block where the last bracket may close.
func (c *cursor) brackets(openers, closers uint64) int {
	for all := openers | closers; all != 0; all &= all - 1 {
		if openers&all&-all != 0 {
			c.depth++
			continue
		}
		c.depth--
		if c.depth == 0 {
			return bits.TrailingZeros64(all) + 1
		}
	}
	return -1
}

package jsontext

// levelsPerWord is how many levels of nesting one word describes. Deeper input costs one call per word, so that hostile nesting
// neither allocates nor grows the stack much.
const levelsPerWord = 64

// nesting is the path of open arrays and objects while a value is stepped over.
type nesting struct {
	kinds uint64 // one bit per open level, the innermost lowest: 1 is an object
	depth int    // open levels in kinds
	outer int    // open levels around this word's
}

// skipContainer steps over the array or object that begins at s[i], itself nested outer levels deep.
func skipContainer(s string, i, outer int) (int, error) {
	n := nesting{outer: outer}
	i, err := n.open(s, i)
	for err == nil && n.depth > 0 {
		if isOpener(s, i) {
			i, err = n.open(s, i)
		} else if i, err = skipScalar(s, i); err == nil {
			i, err = n.next(s, i)
		}
	}
	return i, err
}

// open enters the array or object that begins at s[i] and returns the index of the next value to step over.
func (n *nesting) open(s string, i int) (int, error) {
	if n.outer+n.depth == MaxDepth {
		return i, &SyntaxError{Offset: i, Reason: "nested too deeply"}
	}
	if n.depth == levelsPerWord {
		i, err := skipContainer(s, i, n.outer+n.depth)
		if err != nil {
			return i, err
		}
		return n.next(s, i)
	}
	n.push(s[i])
	i = SkipSpace(s, i+1)
	if at(s, i, n.closer()) {
		return n.next(s, i)
	}
	return n.key(s, i)
}

// next goes on behind a value, or at a bracket that closes an empty container: it closes every level that ends there and
// returns the index of the next value, or of what follows the outermost level.
func (n *nesting) next(s string, i int) (int, error) {
	for n.depth > 0 {
		i = SkipSpace(s, i)
		switch {
		case at(s, i, ','):
			return n.key(s, SkipSpace(s, i+1))
		case at(s, i, n.closer()):
			n.pop()
			i++
		default:
			return i, Unexpected(s, i, "',' or '"+string(n.closer())+"'")
		}
	}
	return i, nil
}

// key steps over a member's name and colon if the innermost level is an object.
func (n *nesting) key(s string, i int) (int, error) {
	if n.kinds&1 == 0 {
		return i, nil
	}
	i, err := SkipString(s, i)
	if err != nil {
		return i, err
	}
	return skipColon(s, SkipSpace(s, i))
}

// skipColon steps over a colon and the white space behind it.
func skipColon(s string, i int) (int, error) {
	if !at(s, i, ':') {
		return i, Unexpected(s, i, "':'")
	}
	return SkipSpace(s, i+1), nil
}

func (n *nesting) push(c byte) {
	n.kinds <<= 1
	if c == '{' {
		n.kinds |= 1
	}
	n.depth++
}

func (n *nesting) pop() {
	n.kinds >>= 1
	n.depth--
}

// closer returns the bracket that ends the innermost level.
func (n *nesting) closer() byte {
	if n.kinds&1 != 0 {
		return '}'
	}
	return ']'
}

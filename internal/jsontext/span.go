package jsontext

// SpanContainer returns the index just past the array or object that begins at s[i], without checking what is in it: it only looks for where
// strings and brackets end. Of a valid value the index is that of [SkipValue], at a third of the cost or less; what it makes of another is of
// no use. It is for text that is checked later, whole, by what reads it. Where the text ends early, or s[i] is no bracket, the error is
// a [*SyntaxError].
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

// spanBytes returns the length of the array or object that s begins with, by one byte after another. It is less than 0 if s ends before.
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

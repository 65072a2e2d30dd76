package jsontext

import "strings"

// MaxDepth is the deepest nesting of arrays and objects that [SkipValue] accepts, the limit of encoding/json.
const MaxDepth = 10_000

// SkipValue checks the JSON value of any kind that begins at s[i], white space before it not included, and returns the index just past it.
// It is strict by RFC 8259 where encoding/json is (strings may hold invalid UTF-8), allocates nothing unless it fails,
// and uses little stack: nesting deeper than [MaxDepth] is a [*SyntaxError], as every other fault is.
func SkipValue(s string, i int) (end int, err error) {
	if isOpener(s, i) {
		return skipContainer(s, i, 0)
	}
	return skipScalar(s, i)
}

func skipScalar(s string, i int) (int, error) {
	if i >= len(s) {
		return i, Unexpected(s, i, "a value")
	}
	switch s[i] {
	case '"':
		return skipString(s, i+1)
	case 't':
		return SkipLiteral(s, i, "true")
	case 'f':
		return SkipLiteral(s, i, "false")
	case 'n':
		return SkipLiteral(s, i, "null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return SkipNumber(s, i)
	}
	return i, Unexpected(s, i, "a value")
}

// SkipLiteral checks that s goes on at i with word, one of true, false and null, and returns the index just past it.
func SkipLiteral(s string, i int, word string) (end int, err error) {
	if i <= len(s) && strings.HasPrefix(s[i:], word) {
		return i + len(word), nil
	}
	for j := 0; ; j++ {
		if i+j >= len(s) || s[i+j] != word[j] {
			return i + j, Unexpected(s, i+j, word)
		}
	}
}

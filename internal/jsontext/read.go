package jsontext

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// ReadString reads the JSON string that begins at s[i], which must be its opening quote,
// and returns its value and the index just past the closing quote. A value without
// escapes, and valid UTF-8, is a substring of s: no allocation, and it keeps all of s
// alive.
//
// Unescaping is as in encoding/json: a lone surrogate, and each byte that is not valid
// UTF-8, becomes U+FFFD. Raw control characters and unknown escapes are errors of type
// [*SyntaxError].
func ReadString(s string, i int) (v string, end int, err error) {
	if !at(s, i, '"') {
		return "", i, Unexpected(s, i, "a string")
	}
	start := i + 1
	i += 1 + plainLen(s[start:])
	if at(s, i, '"') {
		return s[start:i], i + 1, nil
	}
	i, ascii := scanSpecial(s, i)
	if at(s, i, '"') && (ascii || utf8.ValidString(s[start:i])) {
		return s[start:i], i + 1, nil
	}
	if end, err = skipString(s, i); err != nil {
		return "", end, err
	}
	return unescape(validate(s[start : end-1])), end, nil
}

// SkipString checks the JSON string that begins at s[i], which must be its opening quote,
// and returns the index just past the closing quote. It accepts and refuses exactly what
// [ReadString] does.
func SkipString(s string, i int) (end int, err error) {
	if !at(s, i, '"') {
		return i, Unexpected(s, i, "a string")
	}
	return skipString(s, i+1)
}

// skipString is SkipString from an index inside the string.
func skipString(s string, i int) (int, error) {
	for i+wordSize <= len(s) {
		m := markSpecial(loadWord(s, i))
		if m == 0 {
			i += wordSize
			continue
		}
		i += firstMark(m)
		if s[i] == '"' {
			return i + 1, nil
		}
		n, err := skipEscape(s, i)
		if err != nil {
			return i, err
		}
		i = n
	}
	return skipStringTail(s, i)
}

// skipStringTail is skipString where less than a word is left.
func skipStringTail(s string, i int) (int, error) {
	for i < len(s) {
		switch c := s[i]; {
		case c == '"':
			return i + 1, nil
		case isSpecial(c):
			n, err := skipEscape(s, i)
			if err != nil {
				return i, err
			}
			i = n
		default:
			i++
		}
	}
	return i, Unexpected(s, i, "'\"'")
}

// validate puts U+FFFD for each byte of s that is not valid UTF-8.
func validate(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	n := 0
	for _, r := range s {
		n += utf8.RuneLen(r)
	}
	var b strings.Builder
	b.Grow(n)
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}

// unescape decodes the checked content of a string. It never gets longer.
func unescape(s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.WriteString(s[:i])
		r, end := readEscape(s, i)
		b.WriteRune(r)
		s = s[end:]
		i = strings.IndexByte(s, '\\')
	}
	b.WriteString(s)
	return b.String()
}

// SkipNumber checks the JSON number that begins at s[i] and returns the index just past
// it. It looks at the grammar only; any number of digits is a number.
func SkipNumber(s string, i int) (end int, err error) {
	if at(s, i, '-') {
		i++
	}
	if at(s, i, '0') {
		i++
	} else if i, err = skipDigits(s, i); err != nil {
		return i, err
	}
	if at(s, i, '.') {
		if i, err = skipDigits(s, i+1); err != nil {
			return i, err
		}
	}
	return skipExponent(s, i)
}

// skipExponent steps over an exponent, if there is one.
func skipExponent(s string, i int) (int, error) {
	if !at(s, i, 'e') && !at(s, i, 'E') {
		return i, nil
	}
	i++
	if at(s, i, '+') || at(s, i, '-') {
		i++
	}
	return skipDigits(s, i)
}

// skipDigits steps over one digit or more.
func skipDigits(s string, i int) (int, error) {
	start := i
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if i == start {
		return i, Unexpected(s, i, "a digit")
	}
	return i, nil
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// MaxDepth is the deepest nesting of arrays and objects that [SkipValue] accepts, the
// limit of encoding/json.
const MaxDepth = 10_000

// SkipValue checks the JSON value of any kind that begins at s[i], white space before it
// not included, and returns the index just past it. It is strict by RFC 8259 where
// encoding/json is (strings may hold invalid UTF-8), allocates nothing unless it fails,
// and uses little stack: nesting deeper than [MaxDepth] is a [*SyntaxError], as every
// other fault is.
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

// SkipLiteral checks that s has word, one of true, false and null, at i, and returns the
// index just past it.
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

// levelsPerWord is how many levels of nesting one word describes. Deeper input costs one
// call per word, so that hostile nesting neither allocates nor grows the stack much.
const levelsPerWord = 64

// nesting is the path of open arrays and objects while a value is stepped over.
type nesting struct {
	kinds uint64 // one bit per open level, the innermost lowest: 1 is an object
	depth int    // open levels in kinds
	outer int    // open levels around this word's
}

// skipContainer steps over the array or object that begins at s[i], itself nested outer
// levels deep.
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

// open enters the array or object that begins at s[i] and returns the index of the next
// value to step over.
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

// next continues after a value, or at a bracket that closes an empty container. It closes
// every level that ends there and returns the index of the next value, or of the text
// after the outermost level.
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

// SkipSpace returns the index of the first byte of s at or after i that is not JSON white
// space (space, tab, line feed, carriage return), or len(s) if there is none.
func SkipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// at reports whether s[i] is c.
func at(s string, i int, c byte) bool { return i < len(s) && s[i] == c }

// isOpener reports whether an array or an object begins at s[i].
func isOpener(s string, i int) bool { return at(s, i, '{') || at(s, i, '[') }

// SyntaxError reports text that is not JSON by RFC 8259.
type SyntaxError struct {
	// Offset is the index of the first byte that is wrong, or the length of the scanned
	// string if the text ends early.
	Offset int
	// Reason is what is wrong. It holds at most one character of the text.
	Reason string
}

// Error returns the reason and the offset. It never quotes more than the single offending
// character.
func (e *SyntaxError) Error() string {
	return e.Reason + " at offset " + strconv.Itoa(e.Offset)
}

// Unexpected returns the [*SyntaxError] for the character at s[i], or the end of s, where
// want is required.
func Unexpected(s string, i int, want string) error {
	if i >= len(s) {
		return &SyntaxError{Offset: len(s), Reason: "unexpected end, want " + want}
	}
	return &SyntaxError{Offset: i, Reason: "unexpected " + quoteAt(s, i) + ", want " + want}
}

// quoteAt quotes the one character at i; bytes that are not UTF-8 are shown by number.
func quoteAt(s string, i int) string {
	r, size := utf8.DecodeRuneInString(s[i:])
	if r == utf8.RuneError && size <= 1 {
		return "byte 0x" + strconv.FormatUint(uint64(s[i]), 16)
	}
	return strconv.QuoteRune(r)
}

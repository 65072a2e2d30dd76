package jsontext

// SkipSpace returns the index of the first byte of s at or after i that is not JSON white space
// (space, tab, line feed, carriage return), or len(s) if there is none.
func SkipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// at tells whether s[i] is c.
func at(s string, i int, c byte) bool { return i < len(s) && s[i] == c }

// isOpener tells whether an array or an object begins at s[i].
func isOpener(s string, i int) bool { return at(s, i, '{') || at(s, i, '[') }

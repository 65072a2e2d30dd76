package jsontext

// SkipSpace returns the index of the first byte of s at or after i that is not JSON white space
// (space, tab, line feed, carriage return), or len(s) if there is none.
func SkipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

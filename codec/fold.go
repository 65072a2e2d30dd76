package codec

import (
	"unicode"
	"unicode/utf8"
)

// foldBuffer is long enough for the folded form of most names, in bytes.
const foldBuffer = 64

// appendFolded appends a form of name that is the same for all names that differ only in case, by Unicode's simple folding.
func appendFolded(dst []byte, name string) []byte {
	for _, r := range name {
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			dst = append(dst, byte(r))
			continue
		}
		dst = utf8.AppendRune(dst, leastFold(r))
	}
	return dst
}

// leastFold returns the least of the characters that differ from r only in case.
func leastFold(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

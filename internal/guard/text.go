package guard

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Line makes a foreign text fit for one line of a log or an attribute. Unprintable text
// (control characters, line and paragraph separators, bidirectional overrides, bytes that
// are not UTF-8) is escaped as in a Go string, so that no text can pass for a line by
// itself. A result longer than limit bytes is cut, and ends with "...".
func Line(text string, limit int) string {
	if len(text) <= limit && isPrintableASCII(text) {
		return text
	}
	var line strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		shown := text[:size]
		if !strconv.IsPrint(r) || r == utf8.RuneError && size == 1 {
			quoted := strconv.Quote(shown)
			shown = quoted[1 : len(quoted)-1]
		}
		if line.Len()+len(shown) > limit {
			line.WriteString("...")
			break
		}
		line.WriteString(shown)
		text = text[size:]
	}
	return line.String()
}

func isPrintableASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

package codec

import (
	"strings"
	"unicode"
)

// snakeCase turns a Go field name into the way Python writes names: UserID becomes user_id, HTTPServer http_server, S3Key s3_key.
//
// A capital begins a word if the letter before it is no capital, or if it ends a run of capitals, as the S of HTTPServer does. The s of
// a plural such as UserIDs stays with its capitals: user_ids. Digits stay with the word before them. Names like OAuth2Token, which becomes
// o_auth2_token, need a tag if that is not what is meant.
func snakeCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && beginsWord(runes, i) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// beginsWord tells whether the capital at i, not the first letter, begins a word.
func beginsWord(runes []rune, i int) bool {
	before := runes[i-1]
	if before == '_' {
		return false
	}
	if !unicode.IsUpper(before) {
		return true
	}
	return i+1 < len(runes) && unicode.IsLower(runes[i+1]) && !isPlural(runes[i+1:])
}

// isPlural tells whether what follows a run of capitals is only the s of a plural.
func isPlural(rest []rune) bool {
	return rest[0] == 's' && (len(rest) == 1 || unicode.IsUpper(rest[1]) || rest[1] == '_')
}

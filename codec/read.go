package codec

import (
	"strings"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// The helpers of the decoders. Each takes the text s and the index i of the next byte, and returns the index past what it read.

// syntaxError turns an error of package jsontext into one of this package.
func syntaxError(err error) *Error { return newError(ErrSyntax, err.Error()) }

// skip steps over one value, checking it.
func skip(s string, i int) (int, *Error) {
	end, err := jsontext.SkipValue(s, i)
	if err != nil {
		return end, syntaxError(err)
	}
	return end, nil
}

// readString reads one string, s[i] being its opening quote.
func readString(s string, i int) (string, int, *Error) {
	v, end, err := jsontext.ReadString(s, i)
	if err != nil {
		return "", end, syntaxError(err)
	}
	return v, end, nil
}

// readKey reads the name of an object's member and its colon, up to the value.
func readKey(s string, i int) (string, int, *Error) {
	key, i, err := readString(s, i)
	if err != nil {
		return "", i, err
	}
	i = jsontext.SkipSpace(s, i)
	if i >= len(s) || s[i] != ':' {
		return "", i, unexpected(s, i, "':'")
	}
	return key, jsontext.SkipSpace(s, i+1), nil
}

// enter steps over the bracket s[i] that opens an array or object, up to the first element, or past closer if there is none.
func enter(s string, i int, closer byte) (next int, done bool) {
	i = jsontext.SkipSpace(s, i+1)
	if i < len(s) && s[i] == closer {
		return i + 1, true
	}
	return i, false
}

// isComma tells whether a comma follows an element and the next element comes right behind it, as most senders write it; leave does it otherwise.
func isComma(s string, i int) bool { return i+1 < len(s) && s[i] == ',' && s[i+1] > ' ' }

// leave steps over what follows an element: a comma, up to the next element, or closer.
func leave(s string, i int, closer byte) (next int, done bool, err *Error) {
	i = jsontext.SkipSpace(s, i)
	if i < len(s) {
		switch s[i] {
		case ',':
			return jsontext.SkipSpace(s, i+1), false, nil
		case closer:
			return i + 1, true, nil
		}
	}
	return i, false, unexpected(s, i, "',' or '"+string(closer)+"'")
}

// unexpected reports that s[i] is not what has to follow.
func unexpected(s string, i int, want string) *Error {
	return syntaxError(jsontext.Unexpected(s, i, want))
}

// at tells whether s[i] is c.
func at(s string, i int, c byte) bool { return i < len(s) && s[i] == c }

// isNull tells whether a null begins at s[i].
func isNull(s string, i int) bool { return strings.HasPrefix(s[min(i, len(s)):], "null") }

// nullOr is for the value that a decoder has no use for: a null changes nothing, as in encoding/json, anything else is an error.
func nullOr(s string, i int, want string) (int, *Error) {
	if isNull(s, i) {
		return i + len("null"), nil
	}
	return i, wrongType(s, i, want)
}

// wrongType reports that the value at s[i] is not of the kind wanted, or is no value at all.
func wrongType(s string, i int, want string) *Error {
	if _, err := skip(s, i); err != nil {
		return err
	}
	return newError(ErrWrongType, "got "+kindAt(s, i)+", want "+want)
}

// doesNotFit reports a number beyond the range of its type.
func doesNotFit(want string) *Error { return newError(ErrWrongType, "number does not fit "+want) }

// kindAt names the kind of the valid value at s[i].
func kindAt(s string, i int) string {
	switch s[i] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "bool"
	case 'n':
		return "null"
	}
	return "number"
}

// tooDeep reports nesting beyond the limit, which is that of encoding/json.
func tooDeep() *Error { return newError(ErrSyntax, "nested too deeply") }

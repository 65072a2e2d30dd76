package taskhawk

import (
	"errors"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// readObject calls member for each member of an object given as JSON text.
func readObject(field, raw string, member func(key, raw string) error) error {
	if raw[0] != '{' {
		return &MessageError{Field: field, Reason: "is not an object"}
	}
	_, err := eachMember(raw, 0, member)
	return err
}

// eachMember calls member with the key and the JSON text of each member of the object at s[i:], and returns where the
// object ends. Every value is checked to be JSON.
func eachMember(s string, i int, member func(key, raw string) error) (end int, err error) {
	if i == len(s) || s[i] != '{' {
		return i, &MessageError{Reason: "the body is not a JSON object"}
	}
	i = jsontext.SkipSpace(s, i+1)
	if i < len(s) && s[i] == '}' {
		return i + 1, nil
	}
	for {
		if i, err = oneMember(s, i, member); err != nil {
			return i, err
		}
		switch {
		case i == len(s):
			return i, &jsontext.SyntaxError{Offset: i, Reason: "unexpected end"}
		case s[i] == '}':
			return i + 1, nil
		case s[i] != ',':
			return i, &jsontext.SyntaxError{Offset: i, Reason: "want a comma or the end of an object"}
		}
		i = jsontext.SkipSpace(s, i+1)
	}
}

// oneMember reads a member at s[i:] and returns the index of the comma or brace behind it.
func oneMember(s string, i int, member func(key, raw string) error) (end int, err error) {
	if i == len(s) || s[i] != '"' {
		return i, &jsontext.SyntaxError{Offset: i, Reason: "want a key"}
	}
	key, i, err := jsontext.ReadString(s, i)
	if err != nil {
		return i, err
	}
	if i = jsontext.SkipSpace(s, i); i == len(s) || s[i] != ':' {
		return i, &jsontext.SyntaxError{Offset: i, Reason: "want a colon"}
	}
	start := jsontext.SkipSpace(s, i+1)
	if end, err = jsontext.SkipValue(s, start); err != nil {
		return end, err
	}
	return jsontext.SkipSpace(s, end), member(key, s[start:end])
}

// asMessageError makes a syntax error one of the message; a MessageError stays as it is.
func asMessageError(field string, err error) error {
	var located *MessageError
	if errors.As(err, &located) {
		return err
	}
	return &MessageError{Field: field, Reason: "is not JSON", Err: err}
}

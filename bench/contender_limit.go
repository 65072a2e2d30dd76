package bench

import (
	"errors"
	"slices"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// copied is the limit of encoding: to allocate the message and copy it from where it lies
// ready.
func copied[A any](ready []byte) Contender[A] {
	return Contender[A]{
		Name: "copy", Title: "limit: allocate and copy", Kind: Limit,
		Encode: func(*Message[A]) ([]byte, error) { return slices.Clone(ready), nil },
	}
}

// scanned is the limit of decoding: to look at the text once, checking that it is JSON,
// and to keep nothing of it.
func scanned[A any]() Contender[A] {
	return Contender[A]{
		Name: "scan", Title: "limit: scan by the rules of JSON", Kind: Limit,
		Decode: func(body Body, _ *Message[A]) error {
			_, err := jsontext.SkipValue(body.Text, 0)
			return err
		},
	}
}

// errUnbalanced is what bracketed finds wrong.
var errUnbalanced = errors.New("unbalanced brackets")

// bracketed is the scan that a decoder would begin with that finds the structure first:
// byte by byte, strings and brackets only.
func bracketed[A any]() Contender[A] {
	return Contender[A]{
		Name: "scan-brackets", Title: "limit: scan for brackets byte by byte", Kind: Limit,
		Decode: func(body Body, _ *Message[A]) error { return scanBrackets(body.Text) },
	}
}

func scanBrackets(s string) error {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
	}
	if depth != 0 || quoted {
		return errUnbalanced
	}
	return nil
}

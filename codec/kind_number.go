package codec

import "github.com/taskhawk/taskhawk-go/internal/jsontext"

// numberKind is json.Number: a number kept as its text, of any length and precision.
type numberKind struct{}

func (numberKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	return appendNumber(dst, p.str())
}

// decode takes a number, or a string that holds one, as encoding/json does.
func (numberKind) decode(s string, i int, p place, _ int) (int, *Error) {
	if !at(s, i, '"') {
		text, end, err := readNumber(s, i, "number")
		if text != "" {
			p.setStr(text)
		}
		return end, err
	}
	text, end, err := readString(s, i)
	if err == nil && !isNumber(text) {
		err = newError(ErrWrongType, "got string that is no number, want number")
	}
	if err != nil {
		return i, err
	}
	p.setStr(text)
	return end, nil
}

// appendNumber writes the text of a json.Number; none is zero.
func appendNumber(dst []byte, text string) ([]byte, *Error) {
	if text == "" {
		return append(dst, '0'), nil
	}
	if !isNumber(text) {
		return dst, newError(ErrUnsupportedValue, "json.Number that is no number")
	}
	return append(dst, text...), nil
}

func isNumber(text string) bool {
	end, err := jsontext.SkipNumber(text, 0)
	return err == nil && end == len(text)
}

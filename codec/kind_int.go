package codec

import (
	"strconv"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// intKind is a signed integer type.
type intKind struct {
	size uintptr // bytes
	name string
}

func (k *intKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	return strconv.AppendInt(dst, p.integer(k.size), 10), nil
}

func (k *intKind) decode(s string, i int, p place, _ int) (int, *Error) {
	text, end, err := readInteger(s, i, k.name)
	if text == "" {
		return end, err
	}
	x, bad := strconv.ParseInt(text, 10, int(k.size)*8)
	if bad != nil {
		return i, doesNotFit(k.name)
	}
	p.setInteger(k.size, x)
	return end, nil
}

// uintKind is an unsigned integer type.
type uintKind struct {
	size uintptr // bytes
	name string
}

func (k *uintKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	return strconv.AppendUint(dst, p.unsigned(k.size), 10), nil
}

func (k *uintKind) decode(s string, i int, p place, _ int) (int, *Error) {
	text, end, err := readInteger(s, i, k.name)
	if text == "" {
		return end, err
	}
	x, bad := strconv.ParseUint(text, 10, int(k.size)*8)
	if bad != nil {
		return i, doesNotFit(k.name)
	}
	p.setUnsigned(k.size, x)
	return end, nil
}

// readInteger reads a number without fraction or exponent. The text is empty for a null, and with an error.
func readInteger(s string, i int, want string) (text string, end int, err *Error) {
	text, end, err = readNumber(s, i, want)
	for j := range len(text) {
		if c := text[j]; c == '.' || c|0x20 == 'e' {
			return "", i, newError(ErrWrongType, "got number with a fraction or exponent, want "+want)
		}
	}
	return text, end, err
}

// readNumber reads a number. The text is empty for a null, and with an error.
func readNumber(s string, i int, want string) (text string, end int, err *Error) {
	if i >= len(s) || s[i] != '-' && s[i]-'0' > 9 {
		end, err = nullOr(s, i, want)
		return "", end, err
	}
	end, bad := jsontext.SkipNumber(s, i)
	if bad != nil {
		return "", end, syntaxError(bad)
	}
	return s[i:end], end, nil
}

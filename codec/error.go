package codec

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
)

// The faults of arguments; [Error.Err] is or wraps one of these.
var (
	// ErrTooManyArgs: args holds more values than the struct has positional parameters.
	ErrTooManyArgs = errors.New("too many args")
	// ErrUnknownKeyword: kwargs holds a name that is no parameter, and the struct has no
	// rest.
	ErrUnknownKeyword = errors.New("unknown keyword")
	// ErrGivenTwice: a parameter is in args and in kwargs, or twice in kwargs, or is a
	// key of rest as well.
	ErrGivenTwice = errors.New("given twice")
	// ErrMissing: a required parameter is in neither args nor kwargs.
	ErrMissing = errors.New("missing")
	// ErrWrongType: a JSON value does not fit the Go type: another kind, out of range, or
	// refused by an UnmarshalJSON or UnmarshalText.
	ErrWrongType = errors.New("wrong type")
	// ErrSyntax: the text is not JSON by RFC 8259, or is nested deeper than 10,000
	// levels. Offsets in its text count the bytes of args or kwargs.
	ErrSyntax = errors.New("syntax")
	// ErrInvalidUTF8: a string to encode is not valid UTF-8.
	ErrInvalidUTF8 = errors.New("invalid UTF-8")
	// ErrUnsupportedValue: a value has no JSON form: NaN, an infinity, a pointer cycle, a
	// number that is none, or a MarshalJSON or MarshalText that failed.
	ErrUnsupportedValue = errors.New("unsupported value")
)

// Error reports arguments that do not fit their struct, in either direction. Its text
// names the parameter, the place and the two types, never a value; map keys count as
// values. A keyword from the wire, which its sender chooses, is quoted and cut to 40
// bytes.
type Error struct {
	// Param is the name of the parameter, the first one if several are missing. It is
	// empty where no single parameter is at fault: ErrTooManyArgs, ErrUnknownKeyword, and
	// args or kwargs that are broken as a whole.
	Param string
	// Path is where the value is, as a JSON path from the envelope: args[0],
	// kwargs.order.items[3].price. A map entry shows as [*]. It is cut at 256 bytes, and
	// empty for a parameter that is missing.
	Path string
	// Err is or wraps one of the sentinel errors of this package. If a method of the
	// value's type failed, Err wraps that error too. The text of that error is not
	// shown, since it may hold the value.
	Err error

	trail []string // the parts of Path while the error is on its way out, innermost first
}

// Error returns the parameter, the path and what is wrong.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("codec: ")
	if e.Param != "" {
		b.WriteString("parameter " + e.Param + ": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

const (
	maxPath    = 256
	maxKeyword = 40
)

// under prepends outer to the path.
func (e *Error) under(outer string) *Error {
	e.trail = append(e.trail, outer)
	return e
}

// underIndex is under for an element of an array.
func (e *Error) underIndex(i int) *Error { return e.under("[" + strconv.Itoa(i) + "]") }

// underEntry is under for a map entry, whose key may be a secret.
func (e *Error) underEntry() *Error { return e.under("[*]") }

// of names the parameter, and the path of its value.
func (e *Error) of(param, path string) *Error {
	e.Param = param
	return e.under(path)
}

// settled returns the error with its Path built, cut to the outermost parts if long.
// Path is built only here, so that the cost of an error does not grow with the depth of
// hostile input.
func (e *Error) settled() *Error {
	var b strings.Builder
	for i := len(e.trail) - 1; i >= 0 && b.Len() <= maxPath; i-- {
		b.WriteString(e.trail[i])
	}
	e.Path, e.trail = b.String(), nil
	if len(e.Path) > maxPath {
		e.Path = e.Path[:maxPath-len("...")] + "..."
	}
	return e
}

// keywordPath returns the path of a keyword from the wire without a parameter.
func keywordPath(name string) string {
	if len(name) > maxKeyword {
		name = name[:maxKeyword] + "..."
	}
	return "kwargs[" + strconv.QuoteToASCII(name) + "]"
}

// fault is a sentinel error with the details of one case.
type fault struct {
	kind  error
	text  string
	cause error // kept out of the text, because it may quote the value
}

// newError returns an Error without a place yet.
func newError(kind error, text string) *Error {
	return &Error{Err: &fault{kind: kind, text: text}}
}

// newCausedError is newError for an error that user code returned.
func newCausedError(kind error, text string, cause error) *Error {
	return &Error{Err: &fault{kind: kind, text: text, cause: cause}}
}

func (f *fault) Error() string { return f.kind.Error() + ": " + f.text }

func (f *fault) Unwrap() []error {
	if f.cause == nil {
		return []error{f.kind}
	}
	return []error{f.kind, f.cause}
}

// TypeError reports a struct that cannot be a signature: a mistake in the program, found
// by [Of] before any message is read or written.
type TypeError struct {
	Type   reflect.Type // the argument struct
	Field  string       // Go path of the field at fault, such as Order.Items.Price; empty for the type as a whole
	Reason string       // what is wrong with it
}

// Error returns the Go type, the field and the reason.
func (e *TypeError) Error() string {
	name := "nil"
	if e.Type != nil {
		name = typeName(e.Type)
	}
	if e.Field != "" {
		name += "." + e.Field
	}
	return "codec: " + name + ": " + e.Reason
}

// typeName returns the name of a type for texts. From Go 1.27 on, json.RawMessage is an
// alias of a type whose name few users know.
func typeName(t reflect.Type) string {
	return strings.ReplaceAll(t.String(), "jsontext.Value", "json.RawMessage")
}

package taskhawk

import (
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-playground/validator/v10"
)

// filterer is a [Validator] that can leave fields out, as *validator.Validate does.
type filterer interface {
	StructFiltered(s any, skip validator.FilterFunc) error
}

var _ filterer = (*validator.Validate)(nil)

// describePanic returns where a validation of args panicked, and the validator's words if
// they contain no value. It returns "" if the place is unknown.
func describePanic(v Validator, args any, bad *PanicError) string {
	place, ok := panicPlace(v, args)
	if words := validatorWords(bad.Value); ok && words != "" {
		place += ": " + words
	}
	return place
}

// panicPlace returns the field at which a validation of args panics, with its tag. It
// reports false for another kind of validator, and for rules of whole structs. It
// validates args twice.
func panicPlace(v Validator, args any) (place string, ok bool) {
	f, ok := v.(filterer)
	if !ok {
		return "", false
	}
	last := "" // the last field reached
	panicked := panics(f, args, func(ns []byte) bool {
		last = string(ns)
		return false
	})
	if !panicked || last == "" {
		return "", false
	}
	// Rules of a struct run after the rules of its fields. If they cause the panic, they
	// panic without the field too.
	reached := false
	panicked = panics(f, args, func(ns []byte) bool {
		reached = reached || string(ns) == last
		return reached
	})
	if panicked {
		return "", false
	}
	t := reflect.TypeOf(args).Elem()
	path := strings.TrimPrefix(last, t.Name()+".")
	shown, tag := fieldAt(t, path)
	place = "at " + shown
	if tag != "" {
		place += " (validate:" + strconv.Quote(tag) + ")"
	}
	return place, true
}

// panics reports whether a validation panics that leaves out the fields for which skip is
// true.
func panics(f filterer, args any, skip validator.FilterFunc) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	_ = f.StructFiltered(args, skip)
	return false
}

// validatorWords returns the text of the validator's panic if it names only types and
// tags. The user's functions may panic with values.
func validatorWords(value any) string {
	text, ok := value.(string)
	name, about := strings.CutPrefix(text, "Bad field type ")
	if !ok || !about || strings.ContainsFunc(name, func(r rune) bool { return !typeRune(r) }) {
		return ""
	}
	return text
}

// typeRune reports whether r may be in the name of a type without methods and fields.
func typeRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.*[]", r)
}

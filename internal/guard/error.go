package guard

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Error returns err if all its methods return, and the methods of the errors it wraps.
// Otherwise it returns an error that names the type and the method at fault, and whose
// methods are safe: errors.Is and errors.As still find the errors in it, except those
// whose methods do not return. Error(nil) is nil.
//
// It calls every method once, so that callers can use the result without care.
func Error(err error) error {
	if err == nil {
		return nil
	}
	if _, safe := err.(*brokenError); safe { //nolint:errorlint // looking inside is what must be guarded
		return err
	}
	if Call(func() { probe(err) }) == nil {
		return err
	}
	return &brokenError{cause: err, text: describe(err)}
}

// Text returns the text of err. For an error whose Error method does not return, it says
// so and names the type.
func Text(err error) string {
	text, failure := textOf(err)
	if failure != nil {
		return blame(err, "Error", failure)
	}
	return text
}

func textOf(err error) (text string, failure *CallError) {
	if err == nil {
		return "", nil
	}
	failure = Call(func() { text = err.Error() })
	return text, failure
}

func blame(err error, method string, failure *CallError) string {
	return fmt.Sprintf("%T: its %s method %s", err, method, failure.verb())
}

// target is an error that no other one is or wraps, so that a search for it goes all
// through a tree of errors.
type target struct{}

// Error returns a text that nothing shows.
func (*target) Error() string { return "target" }

// probe calls all methods that the library, the standard library or the Lambda runtime
// may call. A wrapper of fmt has its text already and does not ask the errors in it
// again, so probe asks them.
func probe(err error) {
	none := &target{}
	_ = errors.Is(err, none)
	_ = errors.As(err, &none)
	probeTexts(err)
}

func probeTexts(err error) {
	_ = err.Error()
	switch e := err.(type) { //nolint:errorlint // this is errors.Unwrap
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			probeTexts(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if inner != nil {
				probeTexts(inner)
			}
		}
	}
}

// fmtPanic is what fmt writes before the value of a panic of a method that it has called.
const fmtPanic = "(PANIC="

// brokenError stands in for an error whose methods do not all return.
type brokenError struct {
	cause error
	text  string
}

// Error returns the text of the cause, or says why there is none.
func (e *brokenError) Error() string { return e.text }

// Is reports whether the cause is or wraps target, as far as its methods say.
func (e *brokenError) Is(target error) bool {
	return walk(e.cause, func(err error) (found bool) {
		_ = Call(func() {
			found = reflect.TypeOf(target).Comparable() && err == target
			if is, ok := err.(interface{ Is(error) bool }); ok && !found {
				found = is.Is(target)
			}
		})
		return found
	})
}

// As finds the first error in the cause that target can hold, as far as its methods say.
func (e *brokenError) As(target any) bool {
	holder := reflect.ValueOf(target).Elem()
	return walk(e.cause, func(err error) (found bool) {
		if reflect.TypeOf(err).AssignableTo(holder.Type()) {
			holder.Set(reflect.ValueOf(err))
			return true
		}
		if as, ok := err.(interface{ As(any) bool }); ok {
			_ = Call(func() { found = as.As(target) })
		}
		return found
	})
}

// walk visits err and the errors that it wraps, in the order of errors.Is, until visit
// reports true. It skips the errors behind an Unwrap method that does not return.
func walk(err error, visit func(error) bool) bool {
	if err == nil {
		return false
	}
	if visit(err) {
		return true
	}
	next, _ := unwrap(err)
	for _, inner := range next {
		if walk(inner, visit) {
			return true
		}
	}
	return false
}

func unwrap(err error) (next []error, failure *CallError) {
	switch e := err.(type) { //nolint:errorlint // this is errors.Unwrap
	case interface{ Unwrap() error }:
		failure = Call(func() { next = []error{e.Unwrap()} })
	case interface{ Unwrap() []error }:
		failure = Call(func() { next = e.Unwrap() })
	}
	return next, failure
}

// describe returns the text of err, with the type and the method at fault if the text
// does not name them. Of several errors without a text, the innermost is at fault, since
// the others call its Error method.
func describe(err error) string {
	text, failure := textOf(err)
	if failure != nil {
		walk(err, func(inner error) bool {
			if _, failure := textOf(inner); failure != nil {
				text = blame(inner, "Error", failure)
			}
			return false
		})
		return text
	}
	walk(err, func(inner error) bool {
		method, failure := fault(inner)
		if failure == nil {
			return false
		}
		// fmt has put the panic value, which may be a secret, into the text of its wrapper.
		if quoted := strings.Index(text, fmtPanic); quoted >= 0 {
			text = strings.TrimSpace(text[:max(strings.LastIndex(text[:quoted], "%!"), 0)])
		}
		// A wrapper that got its text from Text names the type already.
		if !strings.Contains(text, fmt.Sprintf("%T: its ", inner)) {
			text += " (" + blame(inner, method, failure) + ")"
		}
		return true
	})
	return text
}

// fault returns the first method of err itself that does not return.
func fault(err error) (method string, failure *CallError) {
	none := &target{}
	_, failure = textOf(err)
	if failure != nil {
		return "Error", failure
	}
	if is, ok := err.(interface{ Is(error) bool }); ok {
		failure = Call(func() { is.Is(none) })
		if failure != nil {
			return "Is", failure
		}
	}
	if as, ok := err.(interface{ As(any) bool }); ok {
		failure = Call(func() { as.As(&none) })
		if failure != nil {
			return "As", failure
		}
	}
	_, failure = unwrap(err)
	return "Unwrap", failure
}

// As is errors.AsType for an error with methods that may not return. It skips such
// errors.
func As[E any](err error) (found E, ok bool) {
	if failure := Call(func() { ok = errors.As(err, &found) }); failure == nil {
		return found, ok
	}
	ok = (&brokenError{cause: err}).As(&found)
	return found, ok
}

// Is is errors.Is for an error with methods that may not return. It skips such errors.
func Is(err, target error) (found bool) {
	if failure := Call(func() { found = errors.Is(err, target) }); failure == nil {
		return found
	}
	return (&brokenError{cause: err}).Is(target)
}

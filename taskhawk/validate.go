package taskhawk

import (
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/go-playground/validator/v10"
)

// Validator checks a struct by its `validate` tags; *validator.Validate of github.com/go-playground/validator/v10 is one.
// It must be safe for concurrent use.
type Validator interface {
	// Struct returns nil for a valid struct, and validator.ValidationErrors for an invalid one.
	Struct(s any) error
}

// defaultValidator caches what it knows of each type, so one serves all tasks.
var defaultValidator = sync.OnceValue(func() Validator {
	return validator.New(validator.WithRequiredStructEnabled())
})

// checkerOf returns the check of Args, nil when nothing in it has a validate tag and nobody asked for a validator of their
// own, which may have other rules than tags. It tries every tag once, so that a bad one is found when the task is declared.
func checkerOf[Args any](task string, v Validator) (func(*Args) error, error) {
	types := taggedTypes(reflect.TypeFor[Args]())
	if len(types) == 0 && v == nil {
		return nil, nil //nolint:nilnil // no check is a result here
	}
	if v == nil {
		v = defaultValidator()
	}
	for _, t := range types {
		if err := tryTags(v, t); err != nil {
			return nil, err
		}
	}
	return func(args *Args) error { return validate(v, task, args) }, nil
}

// tryTags validates a zero and a filled value of t, since validator finds some bad tags only when it reaches them.
func tryTags(v Validator, t reflect.Type) error {
	for _, sample := range []reflect.Value{reflect.New(t), filled(t)} {
		err := validate(v, "", sample.Interface())
		if bad, ok := errors.AsType[*PanicError](err); ok {
			return fmt.Errorf("bad validate tag in %s: %v", t, bad.Value)
		}
	}
	return nil
}

// validate checks args, a pointer to a struct. A validator that panics gives an error, as a bad tag deep inside would.
func validate(v Validator, task string, args any) (err error) {
	defer func() {
		if err != nil {
			err = newValidationError(task, reflect.TypeOf(args).Elem(), err)
		}
	}()
	defer recoverTo(&err)
	return v.Struct(args)
}

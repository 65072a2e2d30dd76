package taskhawk

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"
)

// ValidationError says that arguments break the `validate` tags of their struct. Dispatch returns it before anything is
// sent; on delivery it keeps the task from running, and the message goes the way of any other failure.
// Its text never shows a value.
type ValidationError struct {
	// Task is the name of the task.
	Task string
	// Fields are the fields at fault, in the order of the struct.
	Fields []FieldError
	// Err is the validator's own error: validator.ValidationErrors, or a *PanicError when a tag made it panic.
	Err error
}

// FieldError is one broken rule.
type FieldError struct {
	// Field is the path of the Go field, such as "To", "Order.Items[3].Price" or "Prices[*]" in a map, whose keys are
	// values.
	Field string
	// Rule is the tag that it breaks, such as "email".
	Rule string
	// Param is what the tag was given, such as "3" of "min=3"; often empty.
	Param string
}

func newValidationError(task string, args reflect.Type, err error) error {
	wrapped := &ValidationError{Task: task, Err: err}
	if broken, ok := errors.AsType[validator.ValidationErrors](err); ok {
		for _, b := range broken {
			path := strings.TrimPrefix(b.StructNamespace(), args.Name()+".")
			wrapped.Fields = append(wrapped.Fields, FieldError{
				Field: fieldPath(args, path), Rule: b.Tag(), Param: b.Param(),
			})
		}
	}
	return wrapped
}

// Error names the task, the fields and the rules that they break.
func (e *ValidationError) Error() string {
	if len(e.Fields) == 0 {
		return fmt.Sprintf("arguments of %s: validation failed: %v", e.Task, e.Err)
	}
	rules := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		rules[i] = f.Field + " breaks " + f.Rule
		if f.Param != "" {
			rules[i] += "=" + f.Param
		}
	}
	return fmt.Sprintf("arguments of %s: %s", e.Task, strings.Join(rules, ", "))
}

// Unwrap returns the validator's error.
func (e *ValidationError) Unwrap() error { return e.Err }

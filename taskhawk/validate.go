package taskhawk

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// Validator checks a struct by its `validate` tags; *validator.Validate of
// github.com/go-playground/validator/v10 is one. It must be safe for concurrent use.
type Validator interface {
	// Struct returns nil for a valid struct, and validator.ValidationErrors for an
	// invalid one.
	Struct(s any) error
}

// defaultValidator caches what it knows of each type, so one serves all tasks.
var defaultValidator = sync.OnceValue(func() Validator {
	return validator.New(validator.WithRequiredStructEnabled())
})

// checkerOf returns the check of Args. It is nil if Args has no validate tag and no
// validator was given, which may have other rules than tags. checkerOf tries every tag
// once, so that a bad tag is found when the task is declared.
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

// tryTags validates samples of t, since validator finds some bad tags only when it
// reaches them: a zero and a filled value, and both with each field the other way round,
// for rules that depend on other fields.
func tryTags(v Validator, t reflect.Type) error {
	if err := tryTag(v, reflect.New(t)); err != nil {
		return err
	}
	if err := tryTag(v, filled(t)); err != nil {
		return err
	}
	for i := range t.NumField() {
		for _, from := range [][2]reflect.Value{{reflect.New(t), filled(t)}, {filled(t), reflect.New(t)}} {
			field := from[0].Elem().Field(i)
			if !field.CanSet() {
				continue
			}
			field.Set(from[1].Elem().Field(i))
			if err := tryTag(v, from[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

// tryTag returns an error with the text of the panic if a validation panics. The
// validator may be the user's. The text is safe to show, since a sample holds no values.
func tryTag(v Validator, sample reflect.Value) error {
	bad, ok := errors.AsType[*PanicError](validate(v, "", sample.Interface()))
	if !ok {
		return nil
	}
	place := ": "
	if at, found := panicPlace(v, sample.Interface()); found {
		place = ": " + at + ": "
	}
	return fmt.Errorf("bad validate tag in %s%s%v", sample.Type().Elem(), place, bad.Value)
}

// validate checks args, a pointer to a struct. A panic of the validator, as on a bad tag
// deep inside, is an error.
func validate(v Validator, task string, args any) (err error) {
	defer func() {
		if err != nil {
			invalid := newValidationError(task, reflect.TypeOf(args).Elem(), guard.Error(err))
			if bad, ok := errors.AsType[*PanicError](invalid.Err); ok && task != "" {
				invalid.place = describePanic(v, args, bad)
			}
			err = invalid
		}
	}()
	defer recoverTo(&err)
	return v.Struct(args)
}

// taggedTypes returns the struct types reachable from t, each once, if any of them has a
// validate tag; otherwise none.
func taggedTypes(t reflect.Type) []reflect.Type {
	w := typeWalk{seen: map[reflect.Type]bool{}}
	w.visit(t)
	if !w.tagged {
		return nil
	}
	return w.structs
}

type typeWalk struct {
	seen    map[reflect.Type]bool
	structs []reflect.Type
	tagged  bool
}

func (w *typeWalk) visit(t reflect.Type) {
	if w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		w.visit(t.Elem())
	case reflect.Map:
		w.visit(t.Key())
		w.visit(t.Elem())
	case reflect.Struct:
		w.visitStruct(t)
	default:
	}
}

func (w *typeWalk) visitStruct(t reflect.Type) {
	w.structs = append(w.structs, t)
	for field := range t.Fields() {
		if !field.IsExported() && !field.Anonymous {
			continue
		}
		if _, ok := field.Tag.Lookup("validate"); ok {
			w.tagged = true
		}
		w.visit(field.Type)
	}
}

// filled returns a pointer to a t in which no field is zero, so that tags that are
// skipped for zero values are tried too. Below the depth of one struct it fills only
// containers: nested structs are tried by themselves.
func filled(t reflect.Type) reflect.Value {
	sample := reflect.New(t)
	for i := range t.NumField() {
		if field := sample.Elem().Field(i); field.CanSet() {
			fill(field, 3)
		}
	}
	return sample
}

func fill(v reflect.Value, depth int) {
	if depth == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("a")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth-1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth-1)
	case reflect.Map:
		fillMap(v, depth)
	default:
		fillNumber(v)
	}
}

func fillNumber(v reflect.Value) {
	switch {
	case v.CanInt():
		v.SetInt(1)
	case v.CanUint():
		v.SetUint(1)
	case v.CanFloat():
		v.SetFloat(1)
	}
}

func fillMap(v reflect.Value, depth int) {
	key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	fill(key, 1) // a key has no containers
	fill(value, depth-1)
	v.Set(reflect.MakeMap(v.Type()))
	v.SetMapIndex(key, value)
}

// ValidationError is the error of arguments that break the `validate` tags of their
// struct. Dispatch returns it before anything is sent. On delivery the task does not
// run, and the message is retried as after any other failure. Its text never shows a
// value.
type ValidationError struct {
	// Task is the name of the task.
	Task string
	// Fields are the fields at fault, in the order of the struct.
	Fields []FieldError
	// Err is the validator's own error: validator.ValidationErrors, or a *PanicError when
	// a tag made it panic. The text then names the field and its tag.
	Err error

	place string // of a panic, "" if unknown
}

// FieldError is one broken rule.
type FieldError struct {
	// Field is the path of the Go field, such as "To", "Order.Items[3].Price" or
	// "Prices[*]" in a map, whose keys are values.
	Field string
	// Rule is the tag that it breaks, such as "email".
	Rule string
	// Param is the parameter of the tag, such as "3" of "min=3"; often empty.
	Param string
}

func newValidationError(task string, args reflect.Type, err error) *ValidationError {
	wrapped := &ValidationError{Task: task, Err: err}
	if broken, ok := errors.AsType[validator.ValidationErrors](err); ok {
		for _, b := range broken {
			path := strings.TrimPrefix(b.StructNamespace(), args.Name()+".")
			field, _ := fieldAt(args, path)
			wrapped.Fields = append(wrapped.Fields, FieldError{
				Field: field, Rule: b.Tag(), Param: b.Param(),
			})
		}
	}
	return wrapped
}

// Error names the task, the fields and the rules that they break.
func (e *ValidationError) Error() string {
	if len(e.Fields) == 0 && e.place != "" {
		return fmt.Sprintf("arguments of %s: validation failed: %v %s", e.Task, e.Err, e.place)
	}
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

// fieldAt returns the validator's path of a field of t without the keys of maps: they are
// values, which errors do not show. A key may hold brackets and dots, so everything up to
// the last bracket goes with it. tag is the validate tag of the field, empty behind such
// a key.
func fieldAt(t reflect.Type, path string) (shown, tag string) {
	for rest := path; rest != ""; {
		t = pointedTo(t)
		if rest[0] != '[' {
			name := rest[:nameLength(rest)]
			t, tag = fieldType(t, strings.TrimPrefix(name, "."))
			rest = rest[len(name):]
			continue
		}
		_, after, closed := strings.Cut(rest, "]")
		if !closed || t == nil || (t.Kind() != reflect.Slice && t.Kind() != reflect.Array) {
			known := strings.TrimSuffix(path, rest)
			return known + "[*]" + rest[strings.LastIndexByte(rest, ']')+1:], ""
		}
		t, rest = t.Elem(), after
	}
	return path, tag
}

// nameLength is the length of the field name that path begins with, and of a dot before
// it.
func nameLength(path string) int {
	if end := strings.IndexAny(path[1:], ".["); end >= 0 {
		return end + 1
	}
	return len(path)
}

// fieldType returns the type and the validate tag of a field. The type is nil when t,
// such as an interface, does not say what its fields are.
func fieldType(t reflect.Type, name string) (field reflect.Type, tag string) {
	if t == nil || t.Kind() != reflect.Struct {
		return nil, ""
	}
	found, _ := t.FieldByName(name)
	return found.Type, found.Tag.Get("validate")
}

func pointedTo(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

package taskhawk

import (
	"context"
	"fmt"

	"github.com/taskhawk/taskhawk-go/codec"
)

// Task is a function that runs asynchronously, with a name and a struct of arguments.
// Declare it with [New], usually as a package variable, and register it in the Config of a hub.
//
// A Task is immutable and safe for concurrent use: the With methods return copies, which stay the same task.
type Task[Args any] struct {
	identity *identity
	codec    *codec.Codec[Args]
	check    func(*Args) error // nil when Args has no validate tags
	handler  func(context.Context, Args) error
	settings settings
}

// AnyTask is a [Task] of any argument type. Only this package implements it.
type AnyTask interface {
	// Name is the name of the task.
	Name() string

	registration() *registration
}

// New declares a task. The name goes on the wire: the Python library's default is "module.function", such as
// "tasks.send_email". Args is a struct whose exported fields are the parameters; see the codec package for the rules.
//
// The handler runs the task; it may be called concurrently. A nil handler makes a task that can only be dispatched,
// until WithHandler supplies one.
//
// New panics, naming task and field, when the declaration itself is wrong, as regexp.MustCompile does: an empty name,
// Args that is not a struct, a bad tag, an invalid priority. Nothing that arrives at run time panics.
func New[Args any](name string, handler func(ctx context.Context, args Args) error, options ...TaskOption) *Task[Args] {
	task, err := declare(name, handler, options)
	if err != nil {
		panic(fmt.Sprintf("taskhawk: New(%q): %v", name, err)) //nolint:forbidigo // a programmer's error, see above
	}
	return task
}

func declare[Args any](
	name string, handler func(context.Context, Args) error, options []TaskOption,
) (*Task[Args], error) {
	id, err := newIdentity(name)
	if err != nil {
		return nil, err
	}
	compiled, err := codec.Of[Args]()
	if err != nil {
		return nil, err
	}
	task := &Task[Args]{identity: id, codec: compiled, handler: handler}
	for _, o := range options {
		o.applyTask(&task.settings)
	}
	if err := task.settings.checkTask(); err != nil {
		return nil, err
	}
	task.check, err = checkerOf[Args](name, task.settings.checker)
	return task, err
}

// Name returns the name of the task.
func (t *Task[Args]) Name() string { return t.identity.name }

// WithHandler returns a copy of the task that runs handler. It breaks initialization cycles: a package-level task whose
// handler dispatches the same task does not compile in Go, so declare the task with a nil handler and register
// task.WithHandler(fn) in main. The copy is the same task: what is dispatched through the original reaches it.
func (t *Task[Args]) WithHandler(handler func(ctx context.Context, args Args) error) *Task[Args] {
	task := *t
	task.handler = handler
	return &task
}

// With returns a copy of the task with the options applied on top of its own. The original never changes, so both can be
// kept and used again.
func (t *Task[Args]) With(options ...DispatchOption) *Task[Args] {
	task := *t
	task.settings = *t.settings.with(options)
	return &task
}

// WithHeaders is With([WithHeaders](headers)), for chaining.
func (t *Task[Args]) WithHeaders(headers Headers) *Task[Args] { return t.With(WithHeaders(headers)) }

// WithPriority is With([WithPriority](priority)), for chaining.
func (t *Task[Args]) WithPriority(priority Priority) *Task[Args] {
	return t.With(WithPriority(priority))
}

// registration erases the argument type: what a hub keeps of a task. It is nil for a nil task.
func (t *Task[Args]) registration() *registration {
	if t == nil {
		return nil
	}
	r := &registration{identity: t.identity, timeout: t.settings.timeout}
	if t.handler != nil {
		r.handler = withTimeout(Recover(t.run), t.settings.timeout)
	}
	return r
}

// Bind returns the arguments of a message as the handler would get them: bound to the parameters and validated. The errors are
// [*ArgumentError] and [*ValidationError]. It does not look at the name in the message.
func (t *Task[Args]) Bind(msg *Message) (Args, error) {
	var args Args
	err := t.bind(msg, &args)
	return args, err
}

func (t *Task[Args]) bind(msg *Message, args *Args) error {
	if err := t.codec.Decode(msg.Args, msg.Kwargs, args); err != nil {
		return newArgumentError(t.Name(), err)
	}
	if t.check != nil {
		return t.check(args)
	}
	return nil
}

func (t *Task[Args]) run(ctx context.Context, msg *Message) error {
	args, err := t.Bind(msg)
	if err != nil {
		return err
	}
	return t.handler(ctx, args)
}

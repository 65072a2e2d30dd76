package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/taskhawk/taskhawk-go/codec"
	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// Task is a function that runs asynchronously, with a name and a struct of arguments.
// Declare it with [New], usually as a package variable, and register it in the Config of
// a hub.
//
// A Task is immutable and safe for concurrent use: the With methods return copies, which
// stay the same task.
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
	// Signature is the task's parameters, for tools that describe tasks to other
	// programs. The slice is the caller's.
	Signature() codec.Signature
	// Policy returns how the task runs, for tools that compare it with queues.
	Policy() TaskPolicy

	registration() *registration
}

// New declares a task. The name goes on the wire: the Python library's default is
// "module.function", such as "tasks.send_email". Args is a struct whose exported fields
// are the parameters; see the codec package for the rules.
//
// The handler runs the task; it may be called concurrently. A nil handler makes a task
// that can only be dispatched, until WithHandler supplies one.
//
// New panics if the declaration itself is wrong, as regexp.MustCompile does, and names
// task and field: an empty name, Args that is not a struct, a bad tag, an invalid
// priority. Nothing that arrives at run time panics.
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

// Signature returns the parameters of the task. The slice is the caller's.
func (t *Task[Args]) Signature() codec.Signature { return t.codec.Signature() }

// Policy returns how the task runs, from the options of its New.
func (t *Task[Args]) Policy() TaskPolicy { return t.settings.policy }

// WithHandler returns a copy of the task that runs handler. It breaks initialization
// cycles: a package-level task whose handler dispatches the same task does not compile
// in Go, so declare the task with a nil handler and register task.WithHandler(fn) in
// main. The copy is the same task: messages that the original dispatches reach it.
func (t *Task[Args]) WithHandler(handler func(ctx context.Context, args Args) error) *Task[Args] {
	task := *t
	task.handler = handler
	return &task
}

// With returns a copy of the task with further options, which win over earlier ones. The
// original never changes, so both can be kept and used again.
func (t *Task[Args]) With(options ...DispatchOption) *Task[Args] {
	task := *t
	task.settings.dispatchSettings = *t.settings.with(options)
	return &task
}

// WithHeaders is With([WithHeaders](headers)), for chaining.
func (t *Task[Args]) WithHeaders(headers Headers) *Task[Args] { return t.With(WithHeaders(headers)) }

// WithPriority is With([WithPriority](priority)), for chaining.
func (t *Task[Args]) WithPriority(priority Priority) *Task[Args] {
	return t.With(WithPriority(priority))
}

// registration erases the argument type: what a hub keeps of a task. It is nil for a nil
// task.
func (t *Task[Args]) registration() *registration {
	if t == nil {
		return nil
	}
	r := &registration{identity: t.identity, policy: t.settings.policy, task: t, settings: &t.settings}
	if t.handler != nil {
		r.handler = withTimeout(t.run, r.policy.Timeout)
	}
	return r
}

// Bind returns the arguments of a message as the handler would get them: bound to the
// parameters and validated. The errors are [*ArgumentError] and [*ValidationError]. It
// does not look at the name in the message.
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

// run binds the arguments and calls the handler, both of which may panic. It does what
// [Recover] does by itself, which saves two calls.
func (t *Task[Args]) run(ctx context.Context, msg *Message) (err error) {
	defer recoverTo(&err)
	var args Args
	if err = t.bind(msg, &args); err != nil {
		return err
	}
	return t.handler(ctx, args)
}

// registration is a task without its argument type.
type registration struct {
	identity *identity
	handler  Handler    // nil for a task that can only be dispatched
	policy   TaskPolicy // with its Backoff guarded
	task     AnyTask
	settings *settings // never changed
}

// identity is what all copies of a task share: its name, and the hubs that it is
// registered with.
type identity struct {
	name   string
	member string // "task":"name", with the comma, as it stands in every message

	mu   sync.Mutex // for register
	hubs atomic.Pointer[[]*Hub]
}

const maxTaskName = 256 // bytes

// newIdentity checks the name of a task.
func newIdentity(name string) (*identity, error) {
	switch {
	case name == "":
		return nil, errors.New("the task has no name")
	case len(name) > maxTaskName:
		return nil, fmt.Errorf("the name has %d bytes, more than %d", len(name), maxTaskName)
	}
	member, ok := jsontext.AppendString([]byte(`"task":`), name)
	if !ok {
		return nil, errors.New("the name is not valid UTF-8")
	}
	return &identity{name: name, member: string(member) + ","}, nil
}

var (
	// ErrNoHub is wrapped by the error of a Dispatch when the task is registered with no
	// hub and the context names none.
	ErrNoHub = errors.New("the task is registered with no hub: put it in Config.Tasks, or use ContextWithHub")
	// ErrAmbiguousHub is wrapped by the error of a Dispatch when the task is registered
	// with several hubs and the context names none of them.
	ErrAmbiguousHub = errors.New("the task is registered with more than one hub: choose one with ContextWithHub")
)

// errUnknownHere is the error of a Dispatch in the context of a hub with other tasks.
var errUnknownHere = fmt.Errorf(
	"%w: the hub of the context has other tasks: register it there too, or choose a hub with ContextWithHub",
	ErrUnknownTask,
)

func (id *identity) register(hub *Hub) {
	id.mu.Lock()
	defer id.mu.Unlock()
	hubs := append(slices.Clone(id.registered()), hub)
	id.hubs.Store(&hubs)
}

// registered returns the hubs that the task is registered with. Do not change the slice.
func (id *identity) registered() []*Hub {
	if hubs := id.hubs.Load(); hubs != nil {
		return *hubs
	}
	return nil
}

// hub returns the hub that dispatches in ctx.
func (id *identity) hub(ctx context.Context) (*Hub, error) {
	if hub := HubFrom(ctx); hub != nil {
		// A hub with other tasks would receive the message and not know its task.
		if _, known := hub.tasks[id.name]; !known && len(hub.tasks) > 0 {
			return nil, errUnknownHere
		}
		return hub, nil
	}
	switch hubs := id.registered(); len(hubs) {
	case 0:
		return nil, ErrNoHub
	case 1:
		return hubs[0], nil
	}
	return nil, ErrAmbiguousHub
}

// ArgumentError is the error of arguments that do not convert. In Dispatch, a value has
// no JSON form. On delivery, the message's args and kwargs do not bind to the task's
// parameters. Its text never shows a value.
type ArgumentError struct {
	// Task is the name of the task.
	Task string
	// Param is the name of the parameter, as on the wire; empty when no single one is at
	// fault.
	Param string
	// Path says where in the message, as a JSON path such as "args[0]" or
	// "kwargs.order.items[3].price".
	Path string
	// Err is the reason: it wraps one of the sentinel errors of the codec package, such
	// as codec.ErrMissing.
	Err error
}

func newArgumentError(task string, err error) error {
	var located *codec.Error
	if !errors.As(err, &located) {
		return &ArgumentError{Task: task, Err: err}
	}
	return &ArgumentError{Task: task, Param: located.Param, Path: located.Path, Err: err}
}

// Error names task, parameter and reason.
func (e *ArgumentError) Error() string { return fmt.Sprintf("arguments of %s: %v", e.Task, e.Err) }

// Unwrap returns the reason.
func (e *ArgumentError) Unwrap() error { return e.Err }

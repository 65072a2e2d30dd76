package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
)

var (
	// ErrDuplicateTask is wrapped by the error of [NewHub] when two tasks share a name.
	ErrDuplicateTask = errors.New("duplicate task name")
	// ErrNoPublisher is wrapped by the error of a Dispatch through a hub that has no
	// publisher.
	ErrNoPublisher = errors.New("the hub has no publisher: set Config.Publisher, or Config.Sync for tests")
	// ErrUnknownTask is wrapped by the error of [Hub.Handle] for a message whose task is
	// not registered with the hub. The message stays on its queue: another version of the
	// program may know the task.
	ErrUnknownTask = errors.New("unknown task")
	// ErrNoHandler is wrapped by the error of [Hub.Handle] for a message whose task can
	// only be dispatched here.
	ErrNoHandler = errors.New("the task has no handler here: register task.WithHandler(fn)")

	errNilTask = errors.New("Config.Tasks has a nil task")
)

// Hub connects tasks and transports: Dispatch sends through it, and workers and Lambda
// functions pass it the messages that they receive. Make it with [NewHub]. It is
// immutable and safe for concurrent use.
type Hub struct {
	publisher      Publisher
	defaultHeaders func(ctx context.Context, task string) Headers
	tasks          map[string]*registration
	dispatching    []DispatchMiddleware
	destinations   [Bulk + 1]Destination // of the publisher, by priority; only with dispatching
	observer       *guardedObserver      // nil for none
	keywordArgs    bool
	limitsAttempts bool // a task has MaxAttempts
	handler        Handler
	logger         *slog.Logger      // writes before it returns: for goroutines that may wait for the logger
	background     *guard.Background // for goroutines that must not wait
	repeats        *repeatLog
}

// NewHub checks the configuration and registers its tasks. From then on the tasks
// dispatch through this hub, unless the context names another or they are registered with
// several.
func NewHub(config Config) (*Hub, error) {
	hub := &Hub{
		publisher: guardPublisher(
			config.Publisher,
		),
		defaultHeaders: config.DefaultHeaders,
		keywordArgs:    config.KeywordArgs,
		tasks:          make(map[string]*registration, len(config.Tasks)),
		repeats:        newRepeatLog(),
	}
	hub.setLogger(config.Logger)
	if config.Publisher != nil && nilcheck.IsNil(config.Publisher) {
		return nil, fmt.Errorf(
			"taskhawk: new hub: Config.Publisher is a nil %T: was the error of its constructor dropped?",
			config.Publisher,
		)
	}
	if config.Observer != nil && nilcheck.IsNil(config.Observer) {
		return nil, fmt.Errorf("taskhawk: new hub: Config.Observer is a nil %T", config.Observer)
	}
	hub.observer = hub.guardObserver(config.Observer)
	if config.Sync {
		if config.Publisher != nil {
			return nil, errors.New("taskhawk: new hub: Config has both Sync and Publisher: leave one out")
		}
		hub.publisher = syncPublisher{hub}
	}
	for _, task := range config.Tasks {
		if err := hub.add(task); err != nil {
			return nil, fmt.Errorf("taskhawk: new hub: %w", err)
		}
	}
	if err := hub.setDispatchMiddleware(config.DispatchMiddleware, config.Publisher); err != nil {
		return nil, fmt.Errorf("taskhawk: new hub: %w", err)
	}
	var err error
	if hub.handler, err = chain(hub.run, config.Middleware); err != nil {
		return nil, fmt.Errorf("taskhawk: new hub: %w", err)
	}
	for _, r := range hub.tasks {
		r.identity.register(hub)
	}
	return hub, nil
}

// TaskNames returns the names of the registered tasks, sorted. The slice is the caller's.
func (h *Hub) TaskNames() []string { return slices.Sorted(maps.Keys(h.tasks)) }

// Logger returns a logger for the lines of transports. It writes by Config.Logger, but a
// line never panics, blocks or ends a goroutine, so that polls and heartbeats may log.
// One goroutine writes the lines, in order. While 256 lines wait for a logger that is
// slow or hangs, further lines are left out, and the next line has their number as
// left_out.
func (h *Hub) Logger() *slog.Logger { return slog.New(h.background) }

// CheckHandlers returns an error if h cannot run the messages of a transport: h is nil,
// its Config has Sync, or no task of it has a handler. If only some have one, it
// logs one warning that names the others, since programs that share queues do that on
// purpose. Transports call it once, when they are made.
func (h *Hub) CheckHandlers() error {
	if h == nil {
		return errors.New("nil hub")
	}
	if _, inside := h.publisher.(syncPublisher); inside {
		return errors.New("the hub has Config.Sync: its tasks run inside Dispatch, and no queue feeds them")
	}
	var without []string
	for _, name := range h.TaskNames() {
		if h.tasks[name].handler == nil {
			without = append(without, name)
		}
	}
	switch {
	case len(h.tasks) == 0:
		return errors.New("the hub has no tasks: name them in Config.Tasks")
	case len(without) == len(h.tasks):
		return fmt.Errorf("no task of the hub has a handler, such as %q: %w", without[0], ErrNoHandler)
	case len(without) > 0:
		ctx := context.Background() //nolint:forbidigo // a constructor has no caller's context
		h.logger.LogAttrs(ctx, slog.LevelWarn, "tasks without a handler fail here", slog.Any("tasks", without))
	}
	return nil
}

// setLogger guards against panics and hangs of the user's log handler, and of the values
// that it resolves.
func (h *Hub) setLogger(logger *slog.Logger) {
	if logger == nil {
		logger = slog.Default()
	}
	guarded := guard.LogHandler(logger.Handler())
	h.logger, h.background = slog.New(guarded), guard.NewBackground(guarded)
}

// report writes a line by [Hub.Logger].
func (h *Hub) report(ctx context.Context, level slog.Level, text string, attrs ...slog.Attr) {
	h.Logger().LogAttrs(ctx, level, text, attrs...)
}

func (h *Hub) add(task AnyTask) error {
	if task == nil {
		return errNilTask
	}
	r := task.registration()
	if r == nil {
		return errNilTask
	}
	if _, twice := h.tasks[task.Name()]; twice {
		return fmt.Errorf("%w: %s", ErrDuplicateTask, task.Name())
	}
	r.policy.Backoff = h.guardBackoff(r.policy.Backoff)
	h.limitsAttempts = h.limitsAttempts || r.policy.MaxAttempts != 0
	h.tasks[task.Name()] = r
	return nil
}

// run is the innermost handler: it finds the task and runs it under its timeout.
func (h *Hub) run(ctx context.Context, msg *Message) error {
	task, ok := h.tasks[msg.Task]
	switch {
	case !ok:
		return fmt.Errorf("%w %q", ErrUnknownTask, clip(msg.Task))
	case task.handler == nil:
		return fmt.Errorf("%q: %w", clip(msg.Task), ErrNoHandler)
	}
	if err := task.mayRun(ctx); err != nil {
		return err
	}
	return task.handler(ctx, msg)
}

// Config configures a [Hub]. The zero value of each field is a good default.
type Config struct {
	// Publisher sends the dispatched messages. Without one the hub can run tasks but not
	// dispatch any ([ErrNoPublisher]).
	Publisher Publisher
	// Tasks are the tasks that this hub dispatches and runs. Their names must differ.
	Tasks []AnyTask
	// Middleware wraps the handling of every delivery, the first one outermost.
	Middleware []Middleware
	// DispatchMiddleware is called for every message that is dispatched, the first one
	// outermost.
	DispatchMiddleware []DispatchMiddleware
	// Observer sees requests and settlements, for metrics. Nil, the default, costs
	// nothing.
	Observer Observer
	// DefaultHeaders returns headers for a dispatch, such as a request id from ctx; the
	// task's and the caller's headers win over them. It is called concurrently, and the
	// map it returns is copied.
	DefaultHeaders func(ctx context.Context, task string) Headers
	// KeywordArgs sends all arguments of all tasks as keyword arguments, so that fields
	// of argument structs may be reordered and inserted. Set it unless the queues are
	// shared with programs that read positions only. WithPositionalArgs on a task or a
	// call wins.
	KeywordArgs bool
	// Logger gets a line per delivery: failures at error level, expected ones (Retry,
	// Ignore) and successes at debug level, a handler that a stop cut off at info level.
	// It never gets arguments, header values or receipt handles; docs/operations.md
	// lists its attributes. If it panics, the line is lost; if it blocks, the handler of
	// that line waits. Nil is slog.Default().
	Logger *slog.Logger
	// Sync runs tasks inside Dispatch, for tests and development: through the codec,
	// validation and all middleware, so that what fails on a queue fails here too.
	// Publisher must be nil then; delays and groups have no effect.
	Sync bool
}

// Handler runs one message; [Middleware] wraps it. MetadataFrom(ctx) describes the
// delivery. Args and Kwargs of the message may be invalid JSON: they are checked when
// they are bound, after all middleware.
type Handler func(ctx context.Context, msg *Message) error

// Middleware wraps the handling of every delivery whose message can be read, even if its
// task is unknown. It returns the error of next, or another: [OutcomeOf] decides by the
// returned error.
//
// The first middleware in Config.Middleware is the outermost. The task's timeout and
// [Recover] are inside of all of them, so middleware sees a panic of the handler as a
// *PanicError. Middleware is called concurrently.
type Middleware func(next Handler) Handler

// chain folds middleware around the innermost handler.
func chain(innermost Handler, middleware []Middleware) (Handler, error) {
	handler := innermost
	for i, wrap := range slices.Backward(middleware) {
		if wrap == nil {
			return nil, fmt.Errorf("Config.Middleware[%d] is nil", i)
		}
		next := handler
		if err := attempt(func() { handler = wrap(next) }); err != nil {
			return nil, fmt.Errorf("Config.Middleware[%d]: %w", i, err)
		}
		if handler == nil {
			return nil, fmt.Errorf("Config.Middleware[%d] returned a nil Handler", i)
		}
	}
	return handler, nil
}

// PanicError is the error of a handler that panicked. Its text leaves the panic value
// out, which may hold arguments or secrets: read Value for it.
type PanicError struct {
	// Value is the argument of panic.
	Value any
	// Stack is the stack of the goroutine at the panic, as runtime/debug.Stack formats
	// it.
	Stack []byte
}

// Error names the type of the panic value, not the value.
func (e *PanicError) Error() string { return fmt.Sprintf("panic (%T)", e.Value) }

// Unwrap returns the panic value where it is an error, so that errors.Is finds runtime
// errors.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// decide returns a retry, even if the panic value is an error with an outcome: the
// handler did not finish.
func (e *PanicError) decide() Outcome { return Outcome{Action: ActionRetry} }

// Recover turns a panic of next into a [*PanicError]. A hub puts it directly around every
// handler by itself, so that all other middleware sees an error; it is exported for
// handlers run by other means.
func Recover(next Handler) Handler {
	return func(ctx context.Context, msg *Message) (err error) {
		defer recoverTo(&err)
		return next(ctx, msg)
	}
}

package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
)

var (
	// ErrDuplicateTask is wrapped by the error of [NewHub] when two tasks have one name.
	ErrDuplicateTask = errors.New("two tasks have one name")
	// ErrNoPublisher is wrapped by the error of a Dispatch through a hub that has no publisher.
	ErrNoPublisher = errors.New("the hub has no publisher: set Config.Publisher, or Config.Sync for tests")
	// ErrUnknownTask is wrapped by the error of [Hub.Handle] for a message whose task is not registered with the hub. The
	// message stays on its queue: another version of the program may know the task.
	ErrUnknownTask = errors.New("unknown task")
	// ErrNoHandler is wrapped by the error of [Hub.Handle] for a message whose task can only be dispatched here.
	ErrNoHandler = errors.New("the task has no handler here: register task.WithHandler(fn)")

	errNilTask = errors.New("Config.Tasks has a nil task")
)

// Hub brings tasks and transports together: Dispatch sends through it, and workers and Lambda functions hand it what they
// receive. Make it with [NewHub]. It is immutable and safe for concurrent use.
type Hub struct {
	publisher      Publisher
	defaultHeaders func(ctx context.Context, task string) Headers
	tasks          map[string]*registration
	handler        Handler
	logger         *slog.Logger
	unknown        *unknownLog
}

// NewHub checks the configuration and registers its tasks. From then on the tasks dispatch through this hub, unless the
// context names another or they are registered with several.
func NewHub(config Config) (*Hub, error) {
	hub := &Hub{
		publisher: config.Publisher, defaultHeaders: config.DefaultHeaders,
		tasks: make(map[string]*registration, len(config.Tasks)), logger: config.Logger,
		unknown: newUnknownLog(),
	}
	if hub.logger == nil {
		hub.logger = slog.Default()
	}
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
	for i, middleware := range config.Middleware {
		if middleware == nil {
			return nil, fmt.Errorf("taskhawk: new hub: Config.Middleware[%d] is nil", i)
		}
	}
	hub.handler = chain(hub.run, config.Middleware)
	for _, r := range hub.tasks {
		r.identity.register(hub)
	}
	return hub, nil
}

// TaskNames returns the names of the registered tasks, sorted. The slice is the caller's.
func (h *Hub) TaskNames() []string { return slices.Sorted(maps.Keys(h.tasks)) }

// Logger returns the logger of the hub, for transports.
func (h *Hub) Logger() *slog.Logger { return h.logger }

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
	return task.handler(ctx, msg)
}

package taskhawk

import (
	"context"
	"log/slog"
)

// Config is what a [Hub] is made of. The zero value of each field is a good default.
type Config struct {
	// Publisher sends what is dispatched. Without one the hub can run tasks but not dispatch any ([ErrNoPublisher]).
	Publisher Publisher
	// Tasks are the tasks that this hub dispatches and runs. A name may stand in it once.
	Tasks []AnyTask
	// Middleware wraps the handling of every delivery, the first one outermost.
	Middleware []Middleware
	// DefaultHeaders returns headers for a dispatch, such as a request id from ctx; the task's and the caller's headers
	// win over them. It is called concurrently, and the map it returns is copied.
	DefaultHeaders func(ctx context.Context, task string) Headers
	// Logger gets a line per delivery: failures at error level, expected ones (Retry, Ignore) and successes at debug
	// level. It never gets arguments, header values or receipt handles. Nil is slog.Default().
	Logger *slog.Logger
	// Sync runs tasks inside Dispatch, for tests and development: through the codec, validation and all middleware, so
	// that what fails on a queue fails here too. Publisher must be nil then; delays and groups have no effect.
	Sync bool
}

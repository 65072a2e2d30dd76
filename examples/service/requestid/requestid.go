// Package requestid carries the id of an HTTP request along: from the request to the
// tasks that it dispatches, to the handlers of those, and to the tasks that these
// dispatch in turn.
package requestid

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/google/uuid"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The names of the id on the way.
const (
	httpHeader = "X-Request-Id"
	taskHeader = "request_id"
)

// maxLength is the longest id that is taken over from a client, in bytes.
const maxLength = 64

type contextKey struct{}

// With returns a context with an id.
func With(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// From returns the id of a context, empty for none.
func From(ctx context.Context) string {
	id, _ := ctx.Value(contextKey{}).(string)
	return id
}

// HTTP gives each request the id that it brings, or a new one, and answers with it.
func HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(httpHeader)
		if id == "" || len(id) > maxLength {
			id = uuid.NewString()
		}
		w.Header().Set(httpHeader, id)
		next.ServeHTTP(w, r.WithContext(With(r.Context(), id)))
	})
}

// Headers is the Config.DefaultHeaders that sends the id with each task.
func Headers(ctx context.Context, _ string) taskhawk.Headers {
	if id := From(ctx); id != "" {
		return taskhawk.Headers{taskHeader: id}
	}
	return nil
}

// Middleware gives each handler, and the log lines about its delivery, the id that its
// task was sent with.
func Middleware(next taskhawk.Handler) taskhawk.Handler {
	return func(ctx context.Context, msg *taskhawk.Message) error {
		id := msg.Headers[taskHeader]
		taskhawk.AddLogAttrs(ctx, slog.String("request_id", id))
		return next(With(ctx, id), msg)
	}
}

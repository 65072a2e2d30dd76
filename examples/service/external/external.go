// Package external stands for the services that real handlers call: it only logs.
package external

import (
	"context"
	"log/slog"

	"github.com/taskhawk/taskhawk-go/examples/service/handlers"
	"github.com/taskhawk/taskhawk-go/examples/service/requestid"
)

// pages is how many pages each feed has.
const pages = 3

// World is everything that is not this service.
type World struct {
	// Logger gets a line for everything that the world is asked to do.
	Logger *slog.Logger
}

var (
	_ handlers.Mailer = World{}
	_ handlers.Feeds  = World{}
)

// Send logs the email, without its address.
func (w World) Send(ctx context.Context, id, _, subject string) error {
	w.Logger.InfoContext(ctx, "email sent", "id", id, "subject", subject, "request_id", requestid.From(ctx))
	return nil
}

// Import logs the page.
func (w World) Import(ctx context.Context, feed string, page int) (more bool, err error) {
	w.Logger.InfoContext(ctx, "page imported", "feed", feed, "page", page, "request_id", requestid.From(ctx))
	return page < pages, nil
}

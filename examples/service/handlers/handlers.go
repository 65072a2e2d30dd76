// Package handlers has what the worker runs for each task of package tasks.
package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/taskhawk/taskhawk-go/examples/service/tasks"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// What the outside world answers, as far as a handler decides on it.
var (
	// ErrNoMailbox says that no mailbox has the address.
	ErrNoMailbox = errors.New("no such mailbox")
	// ErrBusy says that a service wants to be left alone for a minute.
	ErrBusy = errors.New("too many requests")
)

// Mailer sends email.
type Mailer interface {
	// Send sends one email. Sending the same id again does nothing.
	Send(ctx context.Context, id, to, subject string) error
}

// Feeds reads feeds.
type Feeds interface {
	// Import stores one page of a feed, and says whether there is another.
	Import(ctx context.Context, feed string, page int) (more bool, err error)
}

// Handlers are the handlers of all tasks, with what they need.
type Handlers struct {
	// Mailer sends the emails.
	Mailer Mailer
	// Feeds reads the feeds.
	Feeds Feeds
}

// Tasks returns the tasks with their handlers, for the worker's hub.
func (h Handlers) Tasks() []taskhawk.AnyTask {
	return []taskhawk.AnyTask{
		tasks.SendWelcome.WithHandler(h.sendWelcome),
		tasks.ImportPage.WithHandler(h.importPage),
	}
}

// sendWelcome uses the id of the run as that of the email, since SQS may deliver a task
// twice.
func (h Handlers) sendWelcome(ctx context.Context, args tasks.SendWelcomeArgs) error {
	subject := "Welcome!"
	if args.Name != "" {
		subject = "Welcome, " + args.Name + "!"
	}
	return outcome(h.Mailer.Send(ctx, taskhawk.MetadataFrom(ctx).ID, args.Email, subject))
}

// importPage dispatches the next page last: a page that fails is retried, and the pages
// behind it wait.
func (h Handlers) importPage(ctx context.Context, args tasks.ImportPageArgs) error {
	more, err := h.Feeds.Import(ctx, args.Feed, args.Page)
	if err != nil || !more {
		return outcome(err)
	}
	_, err = tasks.ImportPage.Dispatch(ctx, tasks.ImportPageArgs{Feed: args.Feed, Page: args.Page + 1})
	return err
}

// outcome decides whether a failed task is retried.
func outcome(err error) error {
	switch {
	case errors.Is(err, ErrNoMailbox):
		return taskhawk.Permanent(err)
	case errors.Is(err, ErrBusy):
		return taskhawk.RetryAfter(time.Minute, err)
	}
	return err
}

// Package tasks declares the tasks of the service: their names, arguments and defaults.
// Whoever dispatches imports it. It has no handlers: those are for the worker, and need
// things that a sender has no use for.
package tasks

import (
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// SendWelcomeArgs are the parameters of SendWelcome.
type SendWelcomeArgs struct {
	// Email is where the welcome goes.
	Email string `validate:"required,email"`
	// Name is how to address the person, empty when unknown.
	Name string `taskhawk:",optional"`
}

// ImportPageArgs are the parameters of ImportPage.
type ImportPageArgs struct {
	// Feed is the URL of the feed.
	Feed string `validate:"required,url"`
	// Page is the page to import, from 1.
	Page int `validate:"min=1"`
}

// The tasks of the service. SendWelcome greets somebody who signed up. ImportPage imports
// one page of a feed and dispatches itself for the next.
var (
	SendWelcome = taskhawk.New[SendWelcomeArgs]("users.send_welcome", nil, taskhawk.WithPriority(taskhawk.High))
	ImportPage  = taskhawk.New[ImportPageArgs]("feeds.import_page", nil,
		taskhawk.WithPriority(taskhawk.Bulk), taskhawk.WithTimeout(time.Minute))
)

// All returns every task, for programs that dispatch only.
func All() []taskhawk.AnyTask { return []taskhawk.AnyTask{SendWelcome, ImportPage} }

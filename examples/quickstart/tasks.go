package main

import "github.com/taskhawk/taskhawk-go/taskhawk"

// SendEmailArgs are the parameters of the Python task send_email(to, subject,
// from_email=None).
type SendEmailArgs struct {
	To        string  `validate:"required,email"`
	Subject   string  // "subject" on the wire
	FromEmail *string `taskhawk:"from_email,kw,optional"`
}

// ImportFeedArgs are the parameters of ImportFeed.
type ImportFeedArgs struct{ URL string }

// ChargeCardArgs are the parameters of ChargeCard.
type ChargeCardArgs struct {
	OrderID int
	Cents   int64
}

// The tasks of the demo. A service keeps them in their own package, which whoever
// dispatches imports.
var (
	SendEmail  = taskhawk.New[SendEmailArgs]("tasks.send_email", nil)
	ImportFeed = taskhawk.New[ImportFeedArgs]("tasks.import_feed", nil, taskhawk.WithPriority(taskhawk.Low))
	ChargeCard = taskhawk.New[ChargeCardArgs]("tasks.charge_card", nil, taskhawk.WithPriority(taskhawk.High))
)

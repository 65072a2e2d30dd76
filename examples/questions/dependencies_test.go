package questions_test

import (
	"context"
	"fmt"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Invite is declared without a handler, in a package that senders import.
var Invite = taskhawk.New[inviteArgs]("users.invite", nil)

type inviteArgs struct{ Email string }

// mailer is what the handlers need, as an interface, so that tests have another.
type mailer interface {
	Send(ctx context.Context, to, text string) error
}

// handlers have the dependencies as fields; the tasks are their methods.
type handlers struct {
	mailer  mailer
	baseURL string
}

func (h *handlers) invite(ctx context.Context, args inviteArgs) error {
	if err := h.mailer.Send(ctx, args.Email, "join us at "+h.baseURL); err != nil {
		return fmt.Errorf("invite: %w", err)
	}
	return nil
}

// tasks are what the worker's hub gets.
func (h *handlers) tasks() []taskhawk.AnyTask {
	return []taskhawk.AnyTask{Invite.WithHandler(h.invite)}
}

type printer struct{}

func (printer) Send(_ context.Context, to, text string) error {
	fmt.Printf("to %s: %s\n", to, text)
	return nil
}

// How do handlers get a database or a client? As fields of a struct whose methods are the
// handlers, given to the declared tasks by WithHandler.
func Example_dependenciesOfHandlers() {
	h := &handlers{mailer: printer{}, baseURL: "https://example.com"}
	hub, err := taskhawk.NewHub(taskhawk.Config{Sync: true, Tasks: h.tasks()})
	if err != nil {
		fmt.Println(err)
	}
	ctx := taskhawk.ContextWithHub(context.Background(), hub)
	_, err = Invite.Dispatch(ctx, inviteArgs{Email: "ann@example.com"}) // the declaration reaches the handler
	fmt.Println(err)
	// Output:
	// to ann@example.com: join us at https://example.com
	// <nil>
}

package bench

import (
	"context"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// checkedArgs are smallArgs with rules.
type checkedArgs struct {
	To        string  `json:"to" validate:"required,email"`
	Subject   string  `json:"subject" validate:"required"`
	FromEmail *string `json:"from_email" taskhawk:"from_email,kw,optional" validate:"omitempty,email"`
}

// checked returns the small workload with rules.
func checked() (task string, args checkedArgs) {
	m := Small().Message
	return m.Task, checkedArgs(m.Args)
}

// discard is a publisher that does nothing.
type discard struct{}

// Publish implements taskhawk.Publisher.
func (discard) Publish(context.Context, *taskhawk.Outgoing) error { return nil }

// dispatches are Task.Dispatch to a publisher that does nothing, with one header and a
// priority, as the messages of the workloads have.
func dispatches() ([]Call, error) {
	small, medium, large := Small().Message, Medium().Message, Large().Message
	task, args := checked()
	var calls []Call
	for _, list := range []func() (Call, error){
		func() (Call, error) { return dispatch("dispatch/small", small.Task, small.Args) },
		func() (Call, error) { return dispatch("dispatch/small/validated", task, args) },
		func() (Call, error) { return dispatch("dispatch/medium", medium.Task, medium.Args) },
		func() (Call, error) { return dispatch("dispatch/large", large.Task, large.Args) },
	} {
		call, err := list()
		if err != nil {
			return nil, err
		}
		calls = append(calls, call)
	}
	return calls, nil
}

func dispatch[A any](name, taskName string, args A) (Call, error) {
	task := taskhawk.New[A](taskName, nil)
	if _, err := taskhawk.NewHub(taskhawk.Config{Publisher: discard{}, Tasks: []taskhawk.AnyTask{task}}); err != nil {
		return Call{}, err
	}
	options := []taskhawk.DispatchOption{
		taskhawk.WithPriority(taskhawk.High), taskhawk.WithHeaders(Small().Message.Headers),
	}
	ctx := context.Background()
	return Call{Name: name, Title: "Task.Dispatch", Run: func() error {
		_, err := task.Dispatch(ctx, args, options...)
		return err
	}}, nil
}

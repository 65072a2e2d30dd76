package bench

import (
	"context"
	"log/slog"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// deliveries are Hub.Handle from the text of a message to a handler that does nothing.
func deliveries() ([]Call, error) {
	small, medium, large := Small().Message, Medium().Message, Large().Message
	task, args := checked()
	var calls []Call
	for _, list := range []func() (Call, error){
		func() (Call, error) { return delivery("handle/small", small.Task, small.Args, 0) },
		func() (Call, error) { return delivery("handle/small/middleware3", small.Task, small.Args, 3) },
		func() (Call, error) { return delivery("handle/small/validated", task, args, 0) },
		func() (Call, error) { return delivery("handle/small/validated-middleware3", task, args, 3) },
		func() (Call, error) { return delivery("handle/medium", medium.Task, medium.Args, 0) },
		func() (Call, error) { return delivery("handle/large", large.Task, large.Args, 0) },
	} {
		call, err := list()
		if err != nil {
			return nil, err
		}
		calls = append(calls, call)
	}
	return calls, nil
}

func delivery[A any](name, taskName string, args A, middleware int) (Call, error) {
	task := taskhawk.New(taskName, func(context.Context, A) error { return nil })
	config := taskhawk.Config{Tasks: []taskhawk.AnyTask{task}, Logger: slog.New(slog.DiscardHandler)}
	for range middleware {
		config.Middleware = append(config.Middleware, passOn)
	}
	hub, err := taskhawk.NewHub(config)
	if err != nil {
		return Call{}, err
	}
	m := Small().Message
	head := taskhawk.Message{
		ID:        m.ID,
		Priority:  taskhawk.High,
		Timestamp: time.UnixMilli(m.Timestamp),
		Headers:   m.Headers,
	}
	body, err := task.AppendMessage(nil, &head, &args)
	if err != nil {
		return Call{}, err
	}
	ctx, d := context.Background(), &taskhawk.Delivery{Body: string(body), Attempt: 1}
	return Call{Name: name, Title: "Hub.Handle", Run: func() error { return hub.Handle(ctx, d) }}, nil
}

// passOn is middleware that does nothing.
func passOn(next taskhawk.Handler) taskhawk.Handler {
	return func(ctx context.Context, msg *taskhawk.Message) error { return next(ctx, msg) }
}

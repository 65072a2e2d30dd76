package taskhawk_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type countdownArgs struct{ From int }

// Countdown dispatches itself. With the function in New it would not compile: "initialization cycle or refers to itself".
var Countdown = taskhawk.New[countdownArgs]("tasks.countdown", nil)

func countdown(ctx context.Context, args countdownArgs) error {
	fmt.Println(args.From)
	if args.From == 0 {
		return nil
	}
	_, err := Countdown.Dispatch(ctx, countdownArgs{From: args.From - 1})
	return err
}

func ExampleTask_WithHandler() {
	_, err := taskhawk.NewHub(taskhawk.Config{
		Sync:  true, // runs tasks at once, as a worker would later
		Tasks: []taskhawk.AnyTask{Countdown.WithHandler(countdown)},
	})
	if err != nil {
		fmt.Println(err)
	}
	_, err = Countdown.Dispatch(context.Background(), countdownArgs{From: 2})
	fmt.Println(err)
	// Output:
	// 2
	// 1
	// 0
	// <nil>
}

func ExampleWithMaxAttempts() {
	down := func(context.Context, countdownArgs) error { return errors.New("the other side is down") }
	task := taskhawk.New("tasks.sync", down, taskhawk.WithMaxAttempts(3))
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
	}
	for attempt := range 3 {
		err := hub.Handle(context.Background(), &taskhawk.Delivery{ // as a worker does
			Body:    `{"id":"1","metadata":{"timestamp":1,"version":"1.0"},"task":"tasks.sync","args":[9]}`,
			Attempt: attempt + 1,
		})
		fmt.Println(taskhawk.OutcomeOf(err).Action, "-", err)
	}
	// Output:
	// retry - the other side is down
	// retry - the other side is down
	// dead letter - permanent: no attempt is left: attempt 3 of 3 failed: the other side is down
}

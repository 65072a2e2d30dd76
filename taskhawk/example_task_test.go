package taskhawk_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type countdownArgs struct{ From int }

// Countdown dispatches itself. With the function in New it would not compile:
// "initialization cycle or refers to itself".
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

type remindArgs struct{ Account int }

// A fan-out whose run is repeated dispatches the same ids, so that the tasks can tell that
// they have run.
func ExampleWithIDs() {
	done := map[string]bool{} // in a database, with the work
	remind := taskhawk.New("tasks.remind", func(ctx context.Context, args remindArgs) error {
		id := taskhawk.MetadataFrom(ctx).ID
		if done[id] {
			fmt.Println(id, "has run")
			return nil
		}
		done[id] = true
		fmt.Println(id, "reminds account", args.Account)
		return nil
	})
	due := []remindArgs{{Account: 17}, {Account: 42}}
	remindAll := taskhawk.New("tasks.remind_all", func(ctx context.Context, _ struct{}) error {
		run := taskhawk.MetadataFrom(ctx).ID
		_, err := remind.DispatchAll(ctx, due, taskhawk.WithIDs(func(i int) string {
			return fmt.Sprint(run, "/", due[i].Account)
		}))
		return err
	})
	_, err := taskhawk.NewHub(taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{remind, remindAll}})
	if err != nil {
		fmt.Println(err)
	}
	for range 2 { // the run fails after its fan-out, and is delivered again with its id
		if _, err := remindAll.Dispatch(context.Background(), struct{}{}, taskhawk.WithID("monday")); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// monday/17 reminds account 17
	// monday/42 reminds account 42
	// monday/17 has run
	// monday/42 has run
}

func ExampleWithMaxConcurrency() {
	resize := func(context.Context, countdownArgs) error { return nil }
	task := taskhawk.New("tasks.resize", resize,
		taskhawk.WithMaxConcurrency(2), // of the slots of one worker
		taskhawk.WithBackoff(taskhawk.ExponentialBackoff(time.Minute, time.Hour)),
	)
	fmt.Println(task.Policy().MaxConcurrency)
	// Output: 2
}

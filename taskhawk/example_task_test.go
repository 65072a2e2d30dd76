package taskhawk_test

import (
	"context"
	"fmt"

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

package taskhawk_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

var (
	errBusy   = errors.New("the mail server is busy")
	errNoUser = errors.New("no such user")
)

// quiet keeps the log lines of failing deliveries out of the examples.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func ExampleRetryAfter() {
	busy := taskhawk.New("tasks.busy", func(context.Context, struct{}) error {
		return taskhawk.RetryAfter(time.Minute, errBusy)
	})
	if _, err := taskhawk.NewHub(taskhawk.Config{Sync: true, Logger: quiet(), Tasks: []taskhawk.AnyTask{busy}}); err != nil {
		fmt.Println(err)
	}
	_, err := busy.Dispatch(context.Background(), struct{}{})
	outcome := taskhawk.OutcomeOf(err)
	fmt.Println(outcome.Action, outcome.Delay, errors.Is(err, errBusy))
	// Output: retry 1m0s true
}

func ExamplePermanent() {
	welcome := taskhawk.New("tasks.welcome", func(context.Context, struct{ UserID int }) error {
		return taskhawk.Permanent(errNoUser)
	})
	if _, err := taskhawk.NewHub(taskhawk.Config{Sync: true, Logger: quiet(), Tasks: []taskhawk.AnyTask{welcome}}); err != nil {
		fmt.Println(err)
	}
	_, err := welcome.Dispatch(context.Background(), struct{ UserID int }{42})
	fmt.Println(err)
	fmt.Println(taskhawk.OutcomeOf(err).Action)
	// Output:
	// taskhawk: dispatch tasks.welcome: permanent: no such user
	// dead letter
}

func ExampleMiddleware() {
	// metrics counts the outcomes of deliveries; a real one would label them by msg.Task, too.
	metrics := map[taskhawk.Action]int{}
	count := func(next taskhawk.Handler) taskhawk.Handler {
		return func(ctx context.Context, msg *taskhawk.Message) error {
			err := next(ctx, msg)
			metrics[taskhawk.OutcomeOf(err).Action]++
			return err
		}
	}
	half := taskhawk.New("tasks.half", func(_ context.Context, args struct{ N int }) error {
		if args.N%2 == 1 {
			panic("odd") // middleware sees a *taskhawk.PanicError
		}
		return nil
	})
	_, err := taskhawk.NewHub(taskhawk.Config{
		Sync: true, Logger: quiet(), Tasks: []taskhawk.AnyTask{half}, Middleware: []taskhawk.Middleware{count},
	})
	if err != nil {
		fmt.Println(err)
	}
	for n := range 5 {
		_, _ = half.Dispatch(context.Background(), struct{ N int }{n})
	}
	fmt.Println(metrics[taskhawk.ActionDelete], "done,", metrics[taskhawk.ActionRetry], "to retry")
	// Output: 3 done, 2 to retry
}

func ExampleMetadataFrom() {
	task := taskhawk.New("tasks.send_email", func(ctx context.Context, args SendEmailArgs) error {
		metadata := taskhawk.MetadataFrom(ctx)
		fmt.Println(metadata.ID, metadata.Priority, metadata.Headers["request_id"], "attempt", metadata.Attempt)
		return nil
	})
	if _, err := taskhawk.NewHub(taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{task}}); err != nil {
		fmt.Println(err)
	}
	_, _ = task.WithHeaders(taskhawk.Headers{"request_id": "1234"}).WithPriority(taskhawk.High).
		Dispatch(context.Background(), SendEmailArgs{To: "ann@example.com"}, taskhawk.WithID("b1328174"))
	// Output: b1328174 high 1234 attempt 1
}

func ExampleConfig_sync() {
	sendEmail := taskhawk.New("tasks.send_email", sendEmail)
	type signUpArgs struct{ Email string }
	signUp := taskhawk.New("tasks.sign_up", func(ctx context.Context, args signUpArgs) error {
		_, err := sendEmail.Dispatch(ctx, SendEmailArgs{To: args.Email, Subject: "Welcome!"})
		return err
	})
	_, err := taskhawk.NewHub(taskhawk.Config{Sync: true, Logger: quiet(), Tasks: []taskhawk.AnyTask{sendEmail, signUp}})
	if err != nil {
		fmt.Println(err)
	}
	_, err = signUp.Dispatch(context.Background(), signUpArgs{Email: "ann@example.com"})
	fmt.Println(err)
	_, err = signUp.Dispatch(context.Background(), signUpArgs{Email: "ann"})
	fmt.Println(err)
	// Output:
	// to ann@example.com: Welcome!
	// <nil>
	// taskhawk: dispatch tasks.sign_up: taskhawk: dispatch tasks.send_email: arguments of tasks.send_email: To breaks email
}

func ExampleWorker_Pause() {
	task := taskhawk.New("tasks.noop", func(context.Context, struct{}) error { return nil })
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
	if err != nil {
		fmt.Println(err)
	}
	queues := taskhawktest.NewMemory(taskhawktest.MemoryConfig{}).Queues(taskhawk.Default, taskhawk.Bulk)
	worker, err := taskhawk.NewWorker(hub, queues, taskhawk.WorkerConfig{})
	if err != nil {
		fmt.Println(err)
	}
	worker.Pause(taskhawk.Bulk) // while a report runs; what is running goes on
	for _, queue := range worker.Health() {
		fmt.Println(queue.Priority, queue.Paused)
	}
	worker.Resume()
	// Output:
	// default false
	// bulk true
}

package sqsx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type greetArgs struct{ Name string }

// The queues of an application, each with its dead-letter queue.
func ExampleProvision() {
	server := sqstest.NewServer() // on AWS: sqs.NewFromConfig(cfg) is the client
	defer server.Close()

	err := sqsx.Provision(context.Background(), server.Client(), "dev-myapp", sqsx.ProvisionConfig{
		VisibilityTimeout: 5 * time.Minute,
	})
	if err != nil {
		panic(err)
	}
	for _, priority := range taskhawk.Priorities() {
		name := sqsx.QueueName("dev-myapp", priority)
		fmt.Println(name, server.Queue(name).Exists, server.Queue(sqsx.DeadLetterQueueName(name)).Exists)
	}
	// Output:
	// TASKHAWK-DEV-MYAPP-HIGH-PRIORITY true true
	// TASKHAWK-DEV-MYAPP true true
	// TASKHAWK-DEV-MYAPP-LOW-PRIORITY true true
	// TASKHAWK-DEV-MYAPP-BULK true true
}

// A program that only dispatches: its tasks need no handler.
func ExampleNewPublisher() {
	server := sqstest.NewServer()
	defer server.Close()
	client, ctx := server.Client(), context.Background()
	if err := sqsx.Provision(ctx, client, "dev-myapp", sqsx.ProvisionConfig{}); err != nil {
		panic(err)
	}

	greet := taskhawk.New[greetArgs]("tasks.greet", nil)
	publisher, err := sqsx.NewPublisher(client, "dev-myapp", sqsx.PublisherConfig{})
	if err != nil {
		panic(err)
	}
	if _, err = taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{greet}}); err != nil {
		panic(err)
	}
	headers := taskhawk.Headers{"request_id": "1234"}
	if _, err = greet.Dispatch(ctx, greetArgs{Name: "Ann"}, taskhawk.WithHeaders(headers)); err != nil {
		panic(err)
	}

	for _, message := range server.Queue("TASKHAWK-DEV-MYAPP").Messages {
		fmt.Println(message.Attributes)
	}
	// Output:
	// map[request_id:1234 taskhawk_task:tasks.greet]
}

// A worker runs until its context ends, in a service by SIGTERM; this one ends with its first task.
func ExampleNewWorker() {
	server := sqstest.NewServer()
	defer server.Close()
	client := server.Client()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if err := sqsx.Provision(ctx, client, "dev-myapp", sqsx.ProvisionConfig{}); err != nil {
		panic(err)
	}

	greet := taskhawk.New("tasks.greet", func(ctx context.Context, args greetArgs) error {
		defer stop()
		meta := taskhawk.MetadataFrom(ctx)
		fmt.Printf("hello %s, from %s, attempt %d\n", args.Name, meta.Queue, meta.Attempt)
		return nil
	})
	publisher, err := sqsx.NewPublisher(client, "dev-myapp", sqsx.PublisherConfig{})
	if err != nil {
		panic(err)
	}
	hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{greet}})
	if err != nil {
		panic(err)
	}
	worker, err := sqsx.NewWorker(client, "dev-myapp", hub, sqsx.WorkerConfig{
		AbortPolls: true, // so that the example ends at once
	})
	if err != nil {
		panic(err)
	}

	if _, err = greet.Dispatch(ctx, greetArgs{Name: "Ann"}); err != nil {
		panic(err)
	}
	fmt.Println("stopped:", worker.Run(ctx))
	// Output:
	// hello Ann, from TASKHAWK-DEV-MYAPP, attempt 1
	// stopped: <nil>
}

// Attributes that SQS or another program has put on the message.
func ExampleMessageFrom() {
	greet := taskhawk.New("tasks.greet", func(ctx context.Context, _ greetArgs) error {
		message, ok := sqsx.MessageFrom(ctx)
		fmt.Println(ok, message.Attributes["ApproximateReceiveCount"])
		fmt.Println(aws.ToString(message.MessageAttributes["request_id"].StringValue))
		return nil
	})
	_, stop := runOne(greet, taskhawk.WithHeaders(taskhawk.Headers{"request_id": "1234"}))
	defer stop()
	// Output:
	// true 1
	// 1234
}

// A task has failed for good. When the cause is fixed, its message is moved back.
func ExampleRedrive() {
	greet := taskhawk.New("tasks.greet", func(context.Context, greetArgs) error {
		return taskhawk.Permanent(errors.New("nobody is at home"))
	})
	server, stop := runOne(greet)
	defer stop()
	for _, letter := range server.Queue("TASKHAWK-DEV-MYAPP-DLQ").Messages {
		fmt.Println("dead letter:", letter.Attributes["taskhawk_task"], letter.Attributes["taskhawk_reason"])
	}

	report, err := sqsx.Redrive(context.Background(), server.Client(), "dev-myapp", sqsx.RedriveConfig{
		Priorities: []taskhawk.Priority{taskhawk.Default}, Limit: 1,
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("moved:", report.Moved)
	// Output:
	// dead letter: tasks.greet nobody is at home
	// moved: map[TASKHAWK-DEV-MYAPP:1]
}

// runOne dispatches a task on a new server and lets a worker run it.
func runOne(task *taskhawk.Task[greetArgs], options ...taskhawk.DispatchOption) (server *sqstest.Server, stop func()) {
	server = sqstest.NewServer()
	client := server.Client()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := sqsx.Provision(ctx, client, "dev-myapp", sqsx.ProvisionConfig{}); err != nil {
		panic(err)
	}
	publisher, err := sqsx.NewPublisher(client, "dev-myapp", sqsx.PublisherConfig{})
	if err != nil {
		panic(err)
	}
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{task}, Logger: slog.New(slog.DiscardHandler),
		Middleware: []taskhawk.Middleware{func(next taskhawk.Handler) taskhawk.Handler {
			return func(ctx context.Context, msg *taskhawk.Message) error {
				defer cancel()
				return next(ctx, msg)
			}
		}},
	})
	if err != nil {
		panic(err)
	}
	if _, err = task.Dispatch(ctx, greetArgs{Name: "Ann"}, options...); err != nil {
		panic(err)
	}
	worker, err := sqsx.NewWorker(client, "dev-myapp", hub, sqsx.WorkerConfig{
		AbortPolls: true, // so that the example ends at once
	})
	if err != nil {
		panic(err)
	}
	if err = worker.Run(ctx); err != nil {
		panic(err)
	}
	return server, server.Close
}

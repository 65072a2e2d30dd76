package lambdax_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The function answers with the messages that failed; Lambda deletes the others. Its event
// source mapping has ReportBatchItemFailures.
func ExampleSQS() {
	type Args struct{ To string }
	sendEmail := taskhawk.New("tasks.send_email", func(_ context.Context, args Args) error {
		if args.To == "" {
			return taskhawk.Retry(errors.New("no address yet"))
		}
		fmt.Println("sent to", args.To)
		return nil
	})
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Tasks:  []taskhawk.AnyTask{sendEmail},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	handler, err := lambdax.SQS(hub, lambdax.SQSConfig{PartialBatch: true})
	if err != nil {
		panic(err)
	}

	// In a function, lambda.Start(handler) calls it.
	event := events.SQSEvent{Records: []events.SQSMessage{
		queued("m1", sendEmail, &Args{To: "a@example.com"}),
		queued("m2", sendEmail, &Args{}),
	}}
	response, err := handler(context.Background(), event)
	fmt.Println(response.BatchItemFailures, err)
	// Output:
	// sent to a@example.com
	// [{m2}] <nil>
}

// For a topic every failure is an error of the invocation, upon which Lambda tries the
// event again.
func ExampleSNS() {
	type Args struct{ To string }
	sendEmail := taskhawk.New("tasks.send_email", func(ctx context.Context, args Args) error {
		fmt.Println("sent to", args.To, "by", taskhawk.MetadataFrom(ctx).Topic)
		return nil
	})
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Tasks:  []taskhawk.AnyTask{sendEmail},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	handler, err := lambdax.SNS(hub, lambdax.SNSConfig{})
	if err != nil {
		panic(err)
	}

	// In a function, lambda.Start(handler) calls it.
	event := events.SNSEvent{Records: []events.SNSEventRecord{{
		EventSource: "aws:sns",
		SNS: events.SNSEntity{
			MessageID: "n1",
			TopicArn:  "arn:aws:sns:eu-west-1:123456789012:taskhawk-dev-myapp",
			Message:   text(sendEmail, &Args{To: "a@example.com"}),
		},
	}}}
	fmt.Println(handler(context.Background(), event))
	// Output:
	// sent to a@example.com by arn:aws:sns:eu-west-1:123456789012:taskhawk-dev-myapp
	// <nil>
}

// queued is a message as an event source mapping hands it over.
func queued[A any](id string, task *taskhawk.Task[A], args *A) events.SQSMessage {
	return events.SQSMessage{
		EventSource:    "aws:sqs",
		EventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:TASKHAWK-DEV-MYAPP",
		MessageId:      id,
		Body:           text(task, args),
	}
}

// text is the message that a dispatch of the task sends.
func text[A any](task *taskhawk.Task[A], args *A) string {
	body, err := task.AppendMessage(nil, &taskhawk.Message{ID: "id1"}, args)
	if err != nil {
		panic(err)
	}
	return string(body)
}

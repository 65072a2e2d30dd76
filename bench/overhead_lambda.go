package bench

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// lambdaOverheads are those of a record of an event on Lambda, with the small message and
// a handler that does nothing, beside the reading of the message.
func lambdaOverheads() ([]Overhead, error) {
	var overheads []Overhead
	for _, records := range []int{10, 1000} {
		sqs, err := lambdaOverhead(records)
		if err != nil {
			return nil, err
		}
		overheads = append(overheads, sqs)
	}
	return overheads, nil
}

func lambdaOverhead(records int) (Overhead, error) {
	ctx, m := context.Background(), Small().Message
	handle := func(context.Context, smallArgs) error { return nil }
	task := taskhawk.New(m.Task, handle)
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return Overhead{}, err
	}
	head := taskhawk.Message{
		ID:        m.ID,
		Priority:  taskhawk.High,
		Timestamp: time.UnixMilli(m.Timestamp),
		Headers:   m.Headers,
	}
	body, err := task.AppendMessage(nil, &head, &m.Args)
	if err != nil {
		return Overhead{}, err
	}
	text := string(body)
	invoke, err := lambdax.SQS(hub, lambdax.SQSConfig{PartialBatch: true})
	if err != nil {
		return Overhead{}, err
	}
	event := queueEvent(text, records)
	return Overhead{
		Name: fmt.Sprintf("lambda/sqs/%d", records), Units: records,
		Run: func() error {
			ctx, cancel := context.WithTimeout(ctx, time.Minute) // as the runtime of Lambda does
			defer cancel()
			_, err := invoke(ctx, event)
			return err
		},
		Bare: func() error {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			for range records {
				if err := handle(ctx, m.Args); err != nil {
					return err
				}
			}
			return nil
		},
		Reference: func() error {
			var args smallArgs
			_, err := task.ReadMessage(text, &args)
			return err
		},
	}, nil
}

// queueEvent is an event as a mapping makes it, of so many messages with one body.
func queueEvent(body string, records int) events.SQSEvent {
	var event events.SQSEvent
	task := "tasks.send_email"
	for i := range records {
		event.Records = append(event.Records, events.SQSMessage{
			MessageId:     fmt.Sprintf("059f36b4-87a3-44ab-83d2-%012d", i),
			ReceiptHandle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
			Body:          body,
			Attributes: map[string]string{
				"ApproximateReceiveCount":          "1",
				"SentTimestamp":                    "1731425943017",
				"SenderId":                         "AIDAIENQZJOLO23YVJ4VO",
				"ApproximateFirstReceiveTimestamp": "1731425943019",
			},
			MessageAttributes: map[string]events.SQSMessageAttribute{
				"taskhawk_task": {DataType: "String", StringValue: &task},
			},
			EventSource:    "aws:sqs",
			EventSourceARN: "arn:aws:sqs:us-east-2:123456789012:TASKHAWK-DEV-MYAPP",
			AWSRegion:      "us-east-2",
		})
	}
	return event
}

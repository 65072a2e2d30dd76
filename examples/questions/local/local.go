// Package local stands for an AWS account and its queues in the examples beside it: an
// embedded SQS, and a worker that stops at once. A program of your own has neither; it
// takes sqs.NewFromConfig and taskhawk.RunUntilSignal.
package local

import (
	"context"
	"log" //nolint:depguard // an example ends with its first error
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Queues starts a server with the queues of the applications. Names by naming, the
// default if it is nil. Call stop at the end.
func Queues(naming sqsx.Naming, apps ...string) (client *sqs.Client, stop func()) {
	server, config := sqstest.NewServer(), sqsx.ProvisionConfig{Naming: naming}
	for _, app := range apps {
		if err := sqsx.Provision(context.Background(), server.Client(), app, config); err != nil {
			log.Fatal(err)
		}
	}
	return server.Client(), server.Close
}

// Hub makes a hub that publishes to the queues of an application, with no log.
func Hub(client *sqs.Client, app string, naming sqsx.Naming, tasks ...taskhawk.AnyTask) *taskhawk.Hub {
	publisher, err := sqsx.NewPublisher(client, app, sqsx.PublisherConfig{Naming: naming})
	if err != nil {
		log.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: tasks, Logger: logger})
	if err != nil {
		log.Fatal(err)
	}
	return hub
}

// Work runs a worker until stop is called, which returns when the worker has ended.
func Work(client *sqs.Client, app string, hub *taskhawk.Hub, config sqsx.WorkerConfig) (stop func()) {
	config.AbortPolls = true
	worker, err := sqsx.NewWorker(client, app, hub, config)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- worker.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			log.Fatal(err)
		}
	}
}

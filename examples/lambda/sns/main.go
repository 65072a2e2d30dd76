// Command sns is a Lambda function that an SNS topic triggers. Its task dispatches two
// others, by topics that send to queues.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/taskhawk/taskhawk-go/examples/lambda/tasks"
	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func main() {
	// JSON with the id of the request, where the function has LogFormat: JSON, as in the template.
	ctx, logger := context.Background(), slog.New(lambdacontext.NewLogHandler())
	handler, err := newHandler(ctx, logger)
	if err != nil {
		logger.ErrorContext(ctx, "cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(handler)
}

// newHandler is called once for each cold start: clients and the hub are for all
// invocations of the process.
func newHandler(ctx context.Context, logger *slog.Logger) (any, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	topics := lambdax.PublisherConfig{Account: os.Getenv("ACCOUNT_ID")} // with it, no topic is looked up
	publisher, err := lambdax.NewPublisher(sns.NewFromConfig(cfg), tasks.App, topics)
	if err != nil {
		return nil, err
	}
	h := handlers{logger}
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher,
		Tasks:     []taskhawk.AnyTask{tasks.PlaceOrder.WithHandler(h.placeOrder), tasks.ChargeCard, tasks.SendReceipt},
		Logger:    logger,
	})
	if err != nil {
		return nil, err
	}
	return lambdax.SNS(hub, lambdax.SNSConfig{})
}

// Command sqs is a Lambda function that runs tasks from SQS queues: an event source
// mapping feeds it in batches, and what failed comes back on its own. Its mappings need
// ReportBatchItemFailures: see ../template.yaml.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/examples/lambda/tasks"
	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx"
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
	settler, err := sqsx.NewSettler(sqs.NewFromConfig(cfg), sqsx.SettlerConfig{})
	if err != nil {
		return nil, err
	}
	h := handlers{logger}
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Tasks: []taskhawk.AnyTask{
			tasks.ChargeCard.WithHandler(h.chargeCard),
			tasks.SendReceipt.WithHandler(h.sendReceipt),
		},
		Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	return lambdax.SQS(hub, lambdax.SQSConfig{PartialBatch: true, Settler: settler, Concurrency: 5})
}

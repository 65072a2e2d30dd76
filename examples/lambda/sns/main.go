// Command sns is a Lambda function that an SNS topic triggers.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/taskhawk/taskhawk-go/examples/lambda/tasks"
	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func main() {
	ctx, logger := context.Background(), slog.New(slog.NewJSONHandler(os.Stdout, nil))
	handler, err := newHandler(logger)
	if err != nil {
		logger.ErrorContext(ctx, "cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(handler)
}

func newHandler(logger *slog.Logger) (any, error) {
	h := handlers{logger}
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{tasks.PlaceOrder.WithHandler(h.placeOrder)}, Logger: logger})
	if err != nil {
		return nil, err
	}
	return lambdax.SNS(hub), nil
}

type handlers struct{ logger *slog.Logger }

func (h handlers) placeOrder(ctx context.Context, args tasks.PlaceOrderArgs) error {
	h.logger.InfoContext(ctx, "placed", "order", args.OrderID)
	return nil
}

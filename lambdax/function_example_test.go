package lambdax_test

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// OrderArgs are the arguments of the task.
type OrderArgs struct {
	OrderID int
	Email   string
}

// sendReceipt has its handler in another function, which is subscribed to its topic.
var sendReceipt = taskhawk.New[OrderArgs]("mail.send_receipt", nil)

// placeOrder runs in this function, and dispatches on.
func placeOrder(ctx context.Context, args OrderArgs) error {
	if args.OrderID == 0 {
		return taskhawk.Permanent(errors.New("no such order"))
	}
	_, err := sendReceipt.Dispatch(ctx, args)
	return err
}

// newHandler is called once for each cold start: clients and hub are for all invocations
// of the process.
func newHandler(ctx context.Context) (any, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	publisher, err := lambdax.NewPublisher(sns.NewFromConfig(cfg), "dev-myapp", lambdax.PublisherConfig{
		Account: os.Getenv("ACCOUNT_ID"), // with it, no topic is looked up
	})
	if err != nil {
		return nil, err
	}
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher,
		Tasks:     []taskhawk.AnyTask{taskhawk.New("orders.place", placeOrder), sendReceipt},
		Logger:    slog.New(slog.NewJSONHandler(os.Stdout, nil)),
	})
	if err != nil {
		return nil, err
	}
	return lambdax.SQS(hub, lambdax.SQSConfig{PartialBatch: true})
}

// The main of a function that a queue triggers, and that publishes to topics.
func Example_function() {
	handler, err := newHandler(context.Background())
	if err != nil {
		slog.Error("start failed", "error", err)
		os.Exit(1)
	}
	lambda.Start(handler)
}

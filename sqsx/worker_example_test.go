package sqsx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// ReceiptArgs are the arguments of the task.
type ReceiptArgs struct {
	OrderID int
	Email   string
}

// sendReceipt is what the worker runs, and what the rest of the program dispatches.
var sendReceipt = taskhawk.New("mail.send_receipt", func(_ context.Context, args ReceiptArgs) error {
	if args.Email == "" {
		return taskhawk.Permanent(errors.New("an order without an address"))
	}
	fmt.Println("receipt of order", args.OrderID, "goes to", args.Email)
	return nil
}, taskhawk.WithTimeout(time.Minute))

// work runs tasks until the platform sends SIGTERM. Then running handlers have GracePeriod
// to end, and nothing that is not done is lost.
func work(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(cfg)
	publisher, err := sqsx.NewPublisher(client, "dev-myapp", sqsx.PublisherConfig{})
	if err != nil {
		return err
	}
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher,
		Tasks:     []taskhawk.AnyTask{sendReceipt},
	})
	if err != nil {
		return err
	}
	worker, err := sqsx.NewWorker(client, "dev-myapp", hub, sqsx.WorkerConfig{
		Concurrency: 20,
		GracePeriod: 25 * time.Second, // shorter than the platform's, which then kills
	})
	if err != nil {
		return err
	}
	return worker.Run(ctx)
}

// The main of a worker.
func Example_worker() {
	if err := work(context.Background()); err != nil {
		slog.Error("worker failed", "error", err)
		os.Exit(1)
	}
}

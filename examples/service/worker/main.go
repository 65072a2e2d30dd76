// Command worker runs the tasks of the service until it gets SIGINT or SIGTERM.
//
//	go run ./examples/service/worker -provision
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/examples/service/work"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if err := run(ctx, os.Args[1:], logger); err != nil && !errors.Is(err, flag.ErrHelp) {
		logger.ErrorContext(ctx, "worker failed", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, logger *slog.Logger) error {
	flags := flag.NewFlagSet("worker", flag.ContinueOnError)
	queue := flags.String("queue", "dev-service", "name of the application's queues")
	provision := flags.Bool("provision", false, "create the queues if they are missing")
	var worker sqsx.WorkerConfig // its defaults are those of the flags
	flags.IntVar(&worker.Concurrency, "concurrency", taskhawk.DefaultConcurrency, "tasks at once")
	flags.DurationVar(&worker.GracePeriod, "grace", taskhawk.DefaultGracePeriod, "how long a stop waits for running tasks")
	flags.DurationVar(&worker.WaitTime, "wait", sqsx.MaxWaitTime, "length of a long poll; an idle worker takes as long to stop")
	if err := flags.Parse(args); err != nil {
		return err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(cfg)
	if *provision {
		if err := sqsx.Provision(ctx, client, *queue, sqsx.ProvisionConfig{}); err != nil {
			return err
		}
	}
	return work.Run(ctx, client, *queue, worker, logger)
}

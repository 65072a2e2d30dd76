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

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/examples/service/work"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func main() {
	ctx := context.Background()
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
	var config sqsx.WorkerConfig
	flags.IntVar(&config.Concurrency, "concurrency", taskhawk.DefaultConcurrency, "tasks at once")
	flags.DurationVar(
		&config.GracePeriod,
		"grace",
		taskhawk.DefaultGracePeriod,
		"how long a stop waits for running tasks",
	)
	flags.DurationVar(
		&config.WaitTime,
		"wait",
		sqsx.MaxWaitTime,
		"length of a long poll; an idle worker takes as long to stop",
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(cfg)
	if *provision {
		if err := sqsx.Provision(ctx, client, *queue, sqsx.ProvisionConfig{}); err != nil {
			return err
		}
	}
	worker, err := work.New(client, *queue, config, logger)
	if err != nil {
		return err
	}
	return taskhawk.RunUntilSignal(ctx, worker) // a second signal ends the grace period
}

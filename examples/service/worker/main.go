// Command worker runs the tasks of the service until it gets SIGINT or SIGTERM.
//
//	go run ./examples/service/worker -provision
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

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
	probes := flags.String("probes", "", "address that serves /live and /ready, such as :8081; none if it is empty")
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
	if *probes != "" {
		stop, err := serveProbes(ctx, *probes, worker)
		if err != nil {
			return err
		}
		defer stop()
	}
	return taskhawk.RunUntilSignal(ctx, worker) // a second signal ends the grace period
}

// serveProbes serves the probes of a container until stop is called: also while the worker
// stops, which is when they matter.
func serveProbes(ctx context.Context, address string, worker *sqsx.Worker) (stop func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: worker.Probes(0), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // it ends with http.ErrServerClosed
	return func() { _ = server.Close() }, nil
}

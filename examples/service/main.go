// Command service is the HTTP side of the service. Its tasks run in the worker,
// examples/service/worker; with -embedded everything runs in this one process, on an
// embedded SQS server and without an AWS account.
//
//	go run ./examples/service -embedded
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/examples/service/api"
	"github.com/taskhawk/taskhawk-go/examples/service/requestid"
	"github.com/taskhawk/taskhawk-go/examples/service/tasks"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if err := run(ctx, os.Args[1:], os.Stdout, logger); err != nil && !errors.Is(err, flag.ErrHelp) {
		logger.ErrorContext(ctx, "service failed", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer, logger *slog.Logger) error {
	flags := flag.NewFlagSet("service", flag.ContinueOnError)
	queue := flags.String("queue", "dev-service", "name of the application's queues")
	address := flags.String("listen", "127.0.0.1:8080", "address to serve HTTP on")
	embedded := flags.Bool("embedded", false, "run SQS and the worker in this process too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *address)
	if err != nil {
		return err
	}
	defer listener.Close()
	if *embedded {
		return runEmbedded(ctx, listener, *queue, out, logger)
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	return serveAPI(ctx, listener, sqs.NewFromConfig(cfg), *queue, logger)
}

// serveAPI answers requests until ctx ends. Its hub knows all tasks and no handler.
func serveAPI(ctx context.Context, listener net.Listener, client sqsx.API, queue string, logger *slog.Logger) error {
	publisher, err := sqsx.NewPublisher(client, queue, sqsx.PublisherConfig{})
	if err != nil {
		return err
	}
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher, Tasks: tasks.All(), DefaultHeaders: requestid.Headers, Logger: logger,
	})
	if err != nil {
		return err
	}
	logger.InfoContext(ctx, "serving", "url", "http://"+listener.Addr().String())
	return serve(taskhawk.ContextWithHub(ctx, hub), listener, api.New(logger))
}

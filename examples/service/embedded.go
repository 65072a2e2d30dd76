package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/taskhawk/taskhawk-go/examples/service/work"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// runEmbedded runs SQS, the worker and the HTTP side in this process, until ctx ends or one of them fails.
func runEmbedded(ctx context.Context, listener net.Listener, queue string, logger *slog.Logger) error {
	server := sqstest.NewServer()
	defer server.Close()
	client := server.Client()
	if err := sqsx.Provision(ctx, client, queue, sqsx.ProvisionConfig{}); err != nil {
		return err
	}
	logger.InfoContext(ctx, "SQS for other programs", "environment",
		"AWS_ENDPOINT_URL_SQS="+server.URL+" AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=id AWS_SECRET_ACCESS_KEY=secret")

	worker, err := work.New(client, queue, sqsx.WorkerConfig{WaitTime: time.Second}, logger)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	worked := make(chan error, 1)
	go func() {
		defer cancel()
		worked <- worker.Run(ctx)
	}()
	err = serveAPI(ctx, listener, client, queue, logger)
	cancel()
	return errors.Join(err, <-worked)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/taskhawk/taskhawk-go/examples/service/work"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// runEmbedded runs SQS, the worker and the HTTP side in this process, until ctx ends or
// one of them fails. It writes to out what sends other programs to its SQS, for a shell.
func runEmbedded(ctx context.Context, listener net.Listener, queue string, out io.Writer, logger *slog.Logger) error {
	server := sqstest.NewServer()
	defer server.Close()
	client := server.Client()
	if err := sqsx.Provision(ctx, client, queue, sqsx.ProvisionConfig{}); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(
		out,
		"export AWS_ENDPOINT_URL_SQS=%s AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=id AWS_SECRET_ACCESS_KEY=secret\n",
		server.URL,
	); err != nil {
		return err
	}
	// In development a stop should be quick; what an aborted poll strands is gone with
	// the server anyway.
	worker, err := work.New(client, queue, sqsx.WorkerConfig{AbortPolls: true}, logger)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	said := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(said)
		logger.InfoContext(ctx, "stopping: waiting for requests and tasks that run", "tasks", worker.Stats().Running)
	})
	worked := make(chan error, 1)
	go func() {
		defer cancel()
		worked <- worker.Run(ctx)
	}()
	err = serveAPI(ctx, listener, client, queue, logger)
	cancel()
	<-said
	return errors.Join(err, <-worked)
}

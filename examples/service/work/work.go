// Package work is the worker of the service: the tasks, their handlers and what those need, put together.
package work

import (
	"context"
	"log/slog"

	"github.com/taskhawk/taskhawk-go/examples/service/external"
	"github.com/taskhawk/taskhawk-go/examples/service/handlers"
	"github.com/taskhawk/taskhawk-go/examples/service/requestid"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Run runs tasks until ctx ends. The handlers dispatch too, so the hub has a publisher.
func Run(ctx context.Context, client sqsx.API, queue string, config sqsx.WorkerConfig, logger *slog.Logger) error {
	publisher, err := sqsx.NewPublisher(client, queue, sqsx.PublisherConfig{})
	if err != nil {
		return err
	}
	world := external.World{Logger: logger}
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Publisher:      publisher,
		Tasks:          handlers.Handlers{Mailer: world, Feeds: world}.Tasks(),
		DefaultHeaders: requestid.Headers,
		Middleware:     []taskhawk.Middleware{requestid.Middleware},
		Logger:         logger,
	})
	if err != nil {
		return err
	}
	worker, err := sqsx.NewWorker(client, queue, hub, config)
	if err != nil {
		return err
	}
	logger.InfoContext(ctx, "working", "tasks", hub.TaskNames())
	return worker.Run(ctx)
}

// Package work is the worker of the service: the tasks, their handlers and what those
// need, put together.
package work

import (
	"log/slog"

	"github.com/taskhawk/taskhawk-go/examples/service/external"
	"github.com/taskhawk/taskhawk-go/examples/service/handlers"
	"github.com/taskhawk/taskhawk-go/examples/service/requestid"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// New returns the worker. The handlers dispatch too, so its hub has a publisher.
func New(client sqsx.API, queue string, config sqsx.WorkerConfig, logger *slog.Logger) (*sqsx.Worker, error) {
	publisher, err := sqsx.NewPublisher(client, queue, sqsx.PublisherConfig{})
	if err != nil {
		return nil, err
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
		return nil, err
	}
	logger.Info("worker configured", "app", queue, "tasks", hub.TaskNames())
	return sqsx.NewWorker(client, queue, hub, config)
}

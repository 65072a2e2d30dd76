package sqsx

import (
	"context"
	"log/slog"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attribute"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// taskReader reads the name of the task out of a letter as a worker would: through a hub, which also unwraps what SNS and the
// older Go library put around a message. The hub's one middleware notes the name, and runs nothing.
type taskReader struct {
	hub  *taskhawk.Hub
	name string
}

func newTaskReader() (*taskReader, error) {
	r := &taskReader{}
	note := func(taskhawk.Handler) taskhawk.Handler {
		return func(_ context.Context, msg *taskhawk.Message) error {
			r.name = msg.Task
			return nil
		}
	}
	var err error
	r.hub, err = taskhawk.NewHub(taskhawk.Config{
		Middleware: []taskhawk.Middleware{note}, Logger: slog.New(slog.DiscardHandler),
	})
	return r, err
}

// maxTaskName is the length of a name in bytes, as the core has it; a longer one is no task's.
const maxTaskName = 256

// read returns the name of the task: of the body, else of the attribute, else "". It is not safe for concurrent use.
func (r *taskReader) read(ctx context.Context, message types.Message) string {
	d := &taskhawk.Delivery{Body: aws.ToString(message.Body), Attributes: stringAttributes(message.MessageAttributes)}
	r.name = ""
	if err := r.hub.Handle(ctx, d); err != nil {
		r.name = d.Attributes[attribute.Task]
	}
	if len(r.name) > maxTaskName {
		return ""
	}
	// The name shares memory with the body, which must not live as long as a report.
	return strings.Clone(r.name)
}

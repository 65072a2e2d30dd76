package lambdax

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// DefaultMargin is the time that a function leaves between its answer and the deadline of
// the invocation.
const DefaultMargin = time.Second

// SQSConfig configures how [SQS] runs the records of an event and what it answers. The
// zero value is safe with every event source mapping.
type SQSConfig struct {
	// PartialBatch makes the function report the records that failed, so that Lambda
	// deletes the others. Set it only where every event source mapping of the function
	// has ReportBatchItemFailures among its FunctionResponseTypes. Without that, Lambda
	// takes such an answer as success of the whole batch and deletes the failed records.
	// By default any failed record makes an error, and Lambda delivers the whole batch
	// again.
	PartialBatch bool
	// ErrorIfAllFailed returns an error if every record failed, so that the function's
	// error metric shows it and Lambda slows its pollers down. It does neither for
	// reported failures. It needs PartialBatch.
	ErrorIfAllFailed bool
	// SkipGroupOnError continues with the other message groups of a FIFO queue after a
	// failure. The later messages of the failed group do not run and are reported as
	// failed. By default no record starts after a failure.
	SkipGroupOnError bool
	// Settler applies the outcomes of handlers to the queue; sqsx.NewSettler makes one
	// for SQS. A record that failed comes back after the delay of taskhawk.RetryAfter, or
	// else of Backoff. A record that failed with taskhawk.Permanent goes to the
	// dead-letter queue, with the reason, and counts as done. A record that did not start
	// comes back at once, and taskhawk.ExtendVisibility works.
	//
	// Without a Settler, failed records come back after the visibility timeout of the
	// queue, regardless of the error and of taskhawk.WithBackoff, and only the redrive
	// policy of the queue makes dead letters. A task with taskhawk.WithMaxAttempts is
	// then an error.
	Settler taskhawk.Settler
	// Backoff is the delay of a retry that did not ask for one. It needs Settler.
	// Default: as in a worker, exponential from 5 s to 15 min, with jitter.
	Backoff taskhawk.Backoff
	// Concurrency is how many records of an event run at once. Default 1: in the order of
	// the event. On FIFO queues the messages of a group always run in order; other groups
	// run concurrently.
	Concurrency int
	// Margin is the time between the answer and the deadline of the invocation. Default
	// [DefaultMargin]; at most half of the time that the invocation has when it begins.
	// The contexts of handlers end a quarter of it earlier, with the cause [ErrDeadline],
	// and no record starts after that. A handler that has not
	// returned when the answer leaves counts as failed. Raise it if handlers need longer
	// to return once their context has ended.
	Margin time.Duration
}

// SNSConfig configures how [SNS] runs the records of an event.
type SNSConfig struct {
	// Concurrency is as in [SQSConfig].
	Concurrency int
	// Margin is as in [SQSConfig].
	Margin time.Duration
}

// HandlerConfig configures how [Handler] treats the events of each source.
type HandlerConfig struct {
	// SQS is for the events of queues.
	SQS SQSConfig
	// SNS is for the events of topics.
	SNS SNSConfig
}

// withDefaults checks the configuration and fills in its defaults.
func (c SQSConfig) withDefaults(hub *taskhawk.Hub) (*SQSConfig, error) {
	if err := hub.CheckHandlers(); err != nil {
		return nil, err
	}
	switch {
	case c.Concurrency < 0:
		return nil, fmt.Errorf("negative Concurrency: %d", c.Concurrency)
	case c.Margin < 0:
		return nil, fmt.Errorf("negative Margin: %s", c.Margin)
	case c.ErrorIfAllFailed && !c.PartialBatch:
		return nil, errors.New("ErrorIfAllFailed without PartialBatch: any failure is an error then")
	case c.Backoff != nil && c.Settler == nil:
		return nil, errors.New("no Settler: Backoff would have no effect")
	}
	return c.complete(hub), nil
}

// checkAttempts returns an error if a task needs a missing settler.
func (c SQSConfig) checkAttempts(hub *taskhawk.Hub) error {
	if c.Settler != nil {
		return nil
	}
	if tasks := withMaxAttempts(hub); len(tasks) > 0 {
		return fmt.Errorf("no Settler: WithMaxAttempts of %q would make no dead letter", tasks[0])
	}
	return nil
}

// withMaxAttempts returns the sorted names of tasks with taskhawk.WithMaxAttempts.
func withMaxAttempts(hub *taskhawk.Hub) []string {
	var tasks []string
	for name, policy := range hub.Policies() {
		if policy.MaxAttempts > 0 {
			tasks = append(tasks, name)
		}
	}
	slices.Sort(tasks)
	return tasks
}

// complete fills in the defaults.
func (c SQSConfig) complete(hub *taskhawk.Hub) *SQSConfig {
	if c.Backoff != nil {
		c.Backoff = guard.Backoff(c.Backoff, func(failure error) {
			ctx := context.Background() //nolint:forbidigo // backoffs are called without a caller's context
			hub.Logger().LogAttrs(ctx, slog.LevelError, "backoff failed; using the longest default",
				guard.ErrorAttr(failure))
		})
	}
	c.Concurrency = cmp.Or(c.Concurrency, 1)
	c.Margin = cmp.Or(c.Margin, DefaultMargin)
	return &c
}

// withDefaults converts c to an SQSConfig. Settings that SNS lacks are zero.
func (c SNSConfig) withDefaults(hub *taskhawk.Hub) (*SQSConfig, error) {
	// WithMaxAttempts is no error here: the tasks may come from queues too, and have a
	// settler there.
	return SQSConfig{Concurrency: c.Concurrency, Margin: c.Margin}.withDefaults(hub)
}

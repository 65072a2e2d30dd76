package lambdax

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// SQS returns the handler of a Lambda function that an event source mapping feeds from queues, for lambda.Start.
//
// By default it returns a [*BatchError] when any record failed: Lambda delivers the whole batch again, also what was done. That is safe with
// every mapping. With [WithPartialBatch], and ReportBatchItemFailures on the mapping, only what failed comes back.
//
// On FIFO queues (names in .fifo) the messages of a group run in order. When one fails, nothing more is started, and what has not run is
// reported as failed with it: see [WithSkipGroupOnError].
//
// A record whose message id stands twice in the event is one message: it runs once. A record that failed and has no id makes the whole batch
// fail, since Lambda could not be told which it is.
//
// The handler may be called concurrently and keeps nothing between invocations. A mistake in the options is the error of every invocation.
func SQS(hub *taskhawk.Hub, options ...SQSOption) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	set := defaults()
	for _, o := range options {
		o.applySQS(&set)
	}
	return set.sqs(hub)
}

func (s *settings) sqs(hub *taskhawk.Hub) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	invalid := s.check(hub)
	return func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		if invalid != nil {
			return noFailures(), fmt.Errorf("lambdax: %w", invalid)
		}
		b := &batch{hub: hub, set: s, budget: newBudget(ctx, s.margin)}
		b.records = sqsRecords(event.Records, s.settler, time.Now(), b.budget.handlers)
		return b.answer(b.run(ctx))
	}
}

// SQSMessageFrom returns the SQS message that the current handler runs for, and false outside of a handler of [SQS].
func SQSMessageFrom(ctx context.Context) (events.SQSMessage, bool) {
	return raw[events.SQSMessage](ctx)
}

// answer is what Lambda gets to hear. Its list of failures is never null, which Lambda would read as success, and has no empty id, which
// would make all fail.
func (b *batch) answer(failed []*RecordError) (events.SQSEventResponse, error) {
	response := noFailures()
	if !b.set.partial || b.set.errorIfAllFail && len(failed) == len(b.records) {
		return response, b.failure(failed)
	}
	for _, f := range failed {
		if f.MessageID == "" {
			return noFailures(), b.failure(failed)
		}
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: f.MessageID})
	}
	return response, nil
}

func noFailures() events.SQSEventResponse {
	return events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
}

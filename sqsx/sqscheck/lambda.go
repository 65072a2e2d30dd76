package sqscheck

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/sqsx"
)

// The limits of Lambda. Source: CreateEventSourceMapping, AWS Lambda API Reference, and
// "Creating and configuring an Amazon SQS event source mapping", AWS Lambda Developer
// Guide.
const (
	lambdaBatch          = 10 // the default, the most of a FIFO queue, and the most without a window
	maxLambdaBatch       = 10_000
	minLambdaConcurrency = 2
	maxLambdaConcurrency = 1000
)

// readMappings returns the mappings of a queue, sorted by function. They are nil without
// Config.Mappings.
func (e *examination) readMappings(ctx context.Context, p *pair) error {
	if e.config.Mappings == nil {
		return nil
	}
	found, err := e.config.Mappings(ctx, p.own[sqsqueue.ARN])
	if sqsqueue.IsDenied(err) {
		return e.denied(err, p.name, "lambda:ListEventSourceMappings or lambda:GetFunctionConfiguration")
	}
	if err != nil {
		return &sqsx.QueueError{Queue: p.name, Err: fmt.Errorf("event source mappings: %w", err)}
	}
	p.mappings = slices.SortedFunc(
		slices.Values(found),
		func(a, b EventSourceMapping) int { return cmp.Compare(a.Function, b.Function) },
	)
	e.examineMappings(p)
	return nil
}

// lambdaTimeout returns the longest timeout of a function that receives from the queue,
// and the longest window of its mappings. Without a function both are 0.
func (e *examination) lambdaTimeout(p *pair) (timeout, window time.Duration) {
	timeout = e.config.LambdaTimeout
	for _, m := range p.mappings {
		timeout, window = max(timeout, m.FunctionTimeout), max(window, m.Window)
	}
	return timeout, window
}

// examineMappings checks the event source mappings of the queue.
func (e *examination) examineMappings(p *pair) {
	var enabled []string
	for _, m := range p.mappings {
		function := sqsqueue.OneLine(m.Function)
		if m.Disabled {
			e.add(SeverityWarning, CodeMapping, p.name,
				"has a disabled event source mapping to "+function+": its tasks wait, or are dropped in the end",
				"enable it, or delete it when workers receive from the queue")
			continue
		}
		enabled = append(enabled, function)
		e.examineMapping(p, m, "is fed to "+function)
	}
	switch {
	case len(p.mappings) == 0:
		e.add(SeverityWarning, CodeMapping, p.name, "has no event source mapping: no function receives from it",
			"create one, or check the queues of workers on their own, without Mappings")
	case len(enabled) > 1:
		e.add(
			SeverityWarning,
			CodeMapping,
			p.name,
			"is fed to "+strings.Join(enabled, " and ")+": each task goes to one of them, by chance",
			"delete the mappings but one",
		)
	}
}

// examineMapping checks an enabled mapping; fed names its function.
func (e *examination) examineMapping(p *pair, m EventSourceMapping, fed string) {
	switch {
	case e.config.PartialBatch && !m.ReportBatchItemFailures:
		e.add(
			SeverityError,
			CodePartialBatch,
			p.name,
			fed+" without ReportBatchItemFailures, and its handler has PartialBatch of lambdax.SQSConfig: "+
				"Lambda deletes what failed, and those tasks are lost",
			"set FunctionResponseTypes of the mapping to ReportBatchItemFailures",
		)
	case !e.config.PartialBatch && m.ReportBatchItemFailures:
		e.add(
			SeverityInfo,
			CodePartialBatch,
			p.name,
			fed+" with ReportBatchItemFailures, which its handler does not use: one failure runs the "+
				"whole batch again",
			"set PartialBatch of lambdax.SQSConfig, and say PartialBatch here",
		)
	}
	e.examineBatch(p, m, fed)
	e.examineBatchTime(p, m, fed)
	switch n := m.MaximumConcurrency; {
	case n == 0:
		e.add(
			SeverityInfo,
			CodeMaximumConcurrency,
			p.name,
			fed+" without a maximum concurrency: a burst of tasks takes all that the account has",
			"",
		)
	case n < minLambdaConcurrency || n > maxLambdaConcurrency:
		e.add(
			SeverityError,
			CodeMaximumConcurrency,
			p.name,
			fmt.Sprintf("%s with a maximum concurrency of %d: Lambda refuses that", fed, n),
			fmt.Sprintf("set MaximumConcurrency to %d to %d", minLambdaConcurrency, maxLambdaConcurrency),
		)
	}
}

// examineBatch finds sizes that Lambda refuses.
func (e *examination) examineBatch(p *pair, m EventSourceMapping, fed string) {
	size := m.batchSize()
	refused := func(what, advice string) {
		e.add(SeverityError, CodeBatchSize, p.name, fed+" in batches of "+what+": Lambda refuses that", advice)
	}
	switch {
	case sqsqueue.IsFIFO(p.name) && size > lambdaBatch:
		refused(fmt.Sprintf("%d, and is a FIFO queue", size), fmt.Sprintf("set BatchSize to %d or less", lambdaBatch))
	case sqsqueue.IsFIFO(p.name) && m.Window > 0:
		refused(
			fmt.Sprintf("%d with a window of %s, and is a FIFO queue", size, m.Window),
			"set MaximumBatchingWindowInSeconds to 0",
		)
	case size < 1 || size > maxLambdaBatch:
		refused(strconv.Itoa(size), fmt.Sprintf("set BatchSize to 1 to %d", maxLambdaBatch))
	case size > lambdaBatch && m.Window < time.Second:
		refused(fmt.Sprintf("%d without a window", size), "set MaximumBatchingWindowInSeconds to 1 or more")
	}
}

// examineBatchTime finds batches that do not fit into the timeout of the function.
func (e *examination) examineBatchTime(p *pair, m EventSourceMapping, fed string) {
	longest, timeout := e.config.LongestTask, m.FunctionTimeout
	switch {
	case longest == 0 || timeout == 0:
	case longest >= timeout:
		e.add(
			SeverityError,
			CodeTaskTime,
			p.name,
			fmt.Sprintf("%s, which is stopped after %s: a task may take %s", fed, timeout, longest),
			"raise the timeout of the function, up to 15 minutes, or run such tasks on a worker",
		)
	case longest*time.Duration(m.batchSize()) >= timeout:
		e.add(SeverityWarning, CodeTaskTime, p.name, fmt.Sprintf(
			"%s in batches of %d, which is stopped after %s: tasks that take up to %s may not all be started, "+
				"and each time counts as a receive",
			fed,
			m.batchSize(),
			timeout,
			longest,
		), "lower BatchSize, raise the timeout, or run tasks at once with Concurrency of lambdax.SQSConfig")
	}
}

func (m EventSourceMapping) batchSize() int { return cmp.Or(m.BatchSize, lambdaBatch) }

// EventSourceMapping is the part of an event source mapping that [Check] examines: some
// members of the result of ListEventSourceMappings, and the timeout of the function.
// docs/redrive-and-doctor.md has the lines that read them with the SDK's client of
// Lambda, which this package does not link.
type EventSourceMapping struct {
	// Function is the name of the function, or its ARN.
	Function string
	// FunctionTimeout is the timeout of the function. 0: unknown.
	FunctionTimeout time.Duration
	// Disabled is whether the mapping is switched off.
	Disabled bool
	// BatchSize is the largest number of messages of an invocation. 0: 10, as on Lambda.
	BatchSize int
	// Window is how long Lambda gathers messages for a batch:
	// MaximumBatchingWindowInSeconds.
	Window time.Duration
	// MaximumConcurrency is the largest number of concurrent invocations, 2 to 1000. 0:
	// no limit.
	MaximumConcurrency int
	// ReportBatchItemFailures is whether FunctionResponseTypes includes it.
	ReportBatchItemFailures bool
}

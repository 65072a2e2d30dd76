package oteltaskhawk

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Call implements taskhawk.Observer. A request that sends messages has a span with links
// to the spans of its dispatches. If the request has one caller, the span is a child of
// the caller's span. Other requests have metrics only: long polls and heartbeats would
// fill a backend with traces of one span.
func (t *Telemetry) Call(
	ctx context.Context, call *taskhawk.Call,
) (context.Context, func(messages int, err error)) {
	start := time.Now()
	var span trace.Span
	if len(call.Sent) > 0 && !t.untraced {
		ctx, span = t.startRequest(ctx, call)
	}
	return ctx, func(messages int, err error) {
		failure := ""
		if err != nil {
			failure = safeErrorType(err)
		}
		if span != nil {
			if err != nil {
				span.SetAttributes(semconv.ErrorTypeKey.String(failure))
				span.SetStatus(codes.Error, failure)
			}
			span.End()
		}
		t.measure(ctx, call, messages, failure, time.Since(start))
	}
}

func (t *Telemetry) startRequest(ctx context.Context, call *taskhawk.Call) (context.Context, trace.Span) {
	var links []trace.Link
	for _, out := range call.Sent {
		if _, sent := linkTo(ctx, t.propagator, headers(out.Headers)); sent.IsValid() {
			links = append(links, trace.Link{SpanContext: sent})
		}
	}
	attributes := append(destinationOf(call.System, call.Queue), semconv.MessagingOperationName(call.Method),
		semconv.MessagingOperationTypeSend, semconv.MessagingBatchMessageCount(call.Messages))
	return t.start(ctx, call.Method+" "+call.Queue, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attributes...), trace.WithLinks(links...))
}

// callKey identifies requests with the same attributes.
type callKey struct {
	system, queue, method string
	operation             taskhawk.Operation
	failure               string // error type, empty for none
	empty                 bool   // a receive without messages
}

// callNames are the attributes of such requests, built once.
type callNames struct {
	record []metric.RecordOption
	add    []metric.AddOption
}

func newCallNames(key callKey) *callNames {
	attributes := append(destinationOf(key.system, key.queue),
		semconv.MessagingOperationName(key.operation.String()), keyMethod.String(key.method))
	if key.failure != "" {
		attributes = append(attributes, semconv.ErrorTypeKey.String(key.failure))
	}
	record := attribute.NewSet(attributes...)
	add := attribute.NewSet(append(attributes, keyEmpty.Bool(key.empty))...)
	return &callNames{
		record: []metric.RecordOption{metric.WithAttributeSet(record)},
		add:    []metric.AddOption{metric.WithAttributeSet(add)},
	}
}

// measure records a finished request.
func (t *Telemetry) measure(
	ctx context.Context, call *taskhawk.Call, messages int, failure string, took time.Duration,
) {
	carried := call.Messages
	if call.Operation == taskhawk.OperationReceive {
		carried = messages
	}
	names := t.calls.get(callKey{
		system:    call.System,
		queue:     call.Queue,
		method:    call.Method,
		operation: call.Operation,
		failure:   failure,
		empty:     call.Operation == taskhawk.OperationReceive && messages == 0 && failure == "",
	}, newCallNames)
	t.metrics.operation.Record(ctx, took.Seconds(), names.record...)
	if carried > 0 {
		t.metrics.batch.Record(ctx, int64(carried), names.record...)
	}
	t.metrics.requests.Add(ctx, 1, names.add...)
}

// settledKey identifies settled messages with the same attributes.
type settledKey struct {
	task     string
	priority taskhawk.Priority
	queue    string
	outcome  string // empty for a message that is delivered again
}

// settledNames are the attributes of such messages, built once.
type settledNames struct {
	add    []metric.AddOption
	record []metric.RecordOption // with the outcome
}

func newSettledNames(key settledKey) *settledNames {
	attributes := []attribute.KeyValue{keyTask.String(key.task), keyPriority.String(key.priority.String())}
	if key.queue != "" {
		attributes = append(attributes, semconv.MessagingDestinationName(key.queue))
	}
	add := attribute.NewSet(attributes...)
	record := attribute.NewSet(append(attributes, keyOutcome.String(key.outcome))...)
	return &settledNames{
		add:    []metric.AddOption{metric.WithAttributeSet(add)},
		record: []metric.RecordOption{metric.WithAttributeSet(record)},
	}
}

// Settled implements taskhawk.Observer.
func (t *Telemetry) Settled(ctx context.Context, s *taskhawk.Settlement) {
	key := settledKey{task: s.Task, priority: s.Priority, queue: s.Queue}
	if !s.Registered {
		key.task = unknownTask
	}
	switch {
	case s.Lost:
	case s.DeadLetter:
		key.outcome = outcomeDeadLetter
	case s.Outcome.Action == taskhawk.ActionDelete:
		key.outcome = outcomeOf(s.Outcome)
	}
	names := t.settled.get(key, newSettledNames)
	if s.Lost {
		t.metrics.lost.Add(ctx, 1, names.add...)
		return
	}
	if s.DeadLetter {
		t.metrics.dead.Add(ctx, 1, names.add...)
	}
	if s.Err != nil {
		t.metrics.unsettled.Add(ctx, 1, names.add...)
	}
	if key.outcome != "" {
		t.metrics.attempts.Record(ctx, int64(s.Attempt), names.record...)
	}
}

// WatchWorker reports the state of a worker as metrics, which it reads at each
// collection. stats is the Stats method of a taskhawk.Worker, or of the Worker in an
// sqsx.Worker. name distinguishes the workers of a program. Unregister ends the metrics.
func (t *Telemetry) WatchWorker(
	name string, stats func() taskhawk.WorkerStats,
) (registration metric.Registration, err error) {
	m := t.metrics
	set := metric.WithAttributeSet(attribute.NewSet(attribute.String("taskhawk.worker", name)))
	registration, err = t.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := stats()
		o.ObserveInt64(m.workerWaiting, int64(s.Waiting), set)
		o.ObserveInt64(m.workerSettling, int64(s.Settling), set)
		o.ObserveFloat64(m.workerLongest, s.LongestRun.Seconds(), set)
		o.ObserveInt64(m.workerReleased, s.Released, set)
		o.ObserveInt64(m.workerDuplicates, s.Duplicates, set)
		return nil
	}, m.workerWaiting, m.workerSettling, m.workerLongest, m.workerReleased, m.workerDuplicates)
	if err != nil {
		return nil, fmt.Errorf("oteltaskhawk: watch worker: %w", err)
	}
	return registration, nil
}

package oteltaskhawk

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// sendKey identifies the sends of a task to a queue with the same attributes.
type sendKey struct {
	task        string
	priority    taskhawk.Priority
	destination taskhawk.Destination
	failure     string // error type, empty for none
}

// sendNames are the span name and attributes of such sends, built once.
type sendNames struct {
	span    string
	options []trace.SpanStartOption
	sent    []metric.AddOption
}

func newSendNames(key sendKey) *sendNames {
	attributes := destinationOf(key.destination.System, key.destination.Name)
	attributes = append(attributes, keyTask.String(key.task), keyPriority.String(key.priority.String()),
		semconv.MessagingOperationName(operationSend))
	spans := slices.Concat(attributes, []attribute.KeyValue{semconv.MessagingOperationTypeSend})
	if key.failure != "" {
		attributes = append(attributes, semconv.ErrorTypeKey.String(key.failure))
	}
	return &sendNames{
		span:    operationSend + " " + key.task,
		options: []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(spans...)},
		sent:    []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(attributes...))},
	}
}

func destinationOf(system, name string) []attribute.KeyValue {
	if system == "" {
		system = systemMemory
	}
	attributes := []attribute.KeyValue{semconv.MessagingSystemKey.String(system)}
	if name != "" {
		attributes = append(attributes, semconv.MessagingDestinationName(name))
	}
	return attributes
}

// Dispatch is dispatch middleware. It starts the span of a dispatch, and writes its
// context to the headers. If ctx has no span but the headers have one, because they were
// forwarded, the new span is its child.
func (t *Telemetry) Dispatch(ctx context.Context, d *taskhawk.Dispatch) (sending context.Context, end func(error)) {
	sending = ctx
	t.guarded(func() {
		key := sendKey{task: d.Task, priority: d.Priority, destination: d.Destination}
		names := t.sends.get(key, newSendNames)
		parent := ctx
		if len(d.Headers()) > 0 && !trace.SpanContextFromContext(ctx).IsValid() {
			parent = t.propagator.Extract(ctx, (*dispatchHeaders)(d))
		}
		next, span := t.start(parent, names.span, names.options...)
		sending = next //nolint:fatcontext // the function runs once
		end = func(err error) { t.guarded(func() { t.endDispatch(next, span, key, names, err) }) }
		if span.IsRecording() {
			span.SetAttributes(keyID.String(d.ID))
		}
		t.guarded(func() { t.propagator.Inject(next, (*dispatchHeaders)(d)) })
	})
	return sending, end
}

func (t *Telemetry) endDispatch(ctx context.Context, span trace.Span, key sendKey, names *sendNames, err error) {
	defer span.End()
	if err != nil {
		key.failure = safeErrorType(err)
		names = t.sends.get(key, newSendNames)
		span.SetAttributes(semconv.ErrorTypeKey.String(key.failure))
		span.SetStatus(codes.Error, key.failure)
	}
	t.metrics.sent.Add(ctx, 1, names.sent...)
}

// runKey identifies the runs of a task from a queue with the same attributes.
type runKey struct {
	task          string
	priority      taskhawk.Priority
	system, queue string
	outcome       string // empty at the start of a run
	failure       string
}

// runNames are the span name and attributes of such runs, built once.
type runNames struct {
	span     string
	options  []trace.SpanStartOption
	add      []metric.AddOption
	record   []metric.RecordOption
	failures []attribute.KeyValue
}

func newRunNames(key runKey) *runNames {
	attributes := destinationOf(key.system, key.queue)
	attributes = append(attributes, keyTask.String(key.task), keyPriority.String(key.priority.String()),
		semconv.MessagingOperationName(operationProcess))
	spans := slices.Concat(attributes, []attribute.KeyValue{semconv.MessagingOperationTypeProcess})
	names := &runNames{
		span:    operationProcess + " " + key.task,
		options: []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(spans...)},
	}
	if key.outcome != "" {
		names.failures = append(names.failures, keyOutcome.String(key.outcome))
	}
	if key.failure != "" {
		names.failures = append(names.failures, semconv.ErrorTypeKey.String(key.failure))
	}
	set := metric.WithAttributeSet(attribute.NewSet(append(attributes, names.failures...)...))
	names.add, names.record = []metric.AddOption{set}, []metric.RecordOption{set}
	return names
}

// run is a task that is running.
type run struct {
	ctx   context.Context //nolint:containedctx // of the handler
	span  trace.Span
	key   runKey
	names *runNames
	start time.Time
	task  bool // included in the running tasks
}

// errAborted is the error of a run that did not return: it ended its goroutine, or its
// middleware panicked.
var errAborted = errors.New("the run did not return")

// Process is middleware. It starts the span of a run, with a link to the span of its
// dispatch.
func (t *Telemetry) Process(next taskhawk.Handler) taskhawk.Handler {
	return func(ctx context.Context, msg *taskhawk.Message) error {
		r := run{ctx: ctx}
		t.guarded(func() { t.begin(&r, msg) })
		t.guarded(func() { t.count(&r) })
		err := errAborted
		defer func() { t.guarded(func() { t.end(&r, err) }) }()
		err = next(r.ctx, msg)
		return err
	}
}

func (t *Telemetry) begin(r *run, msg *taskhawk.Message) {
	ctx := r.ctx
	r.start = time.Now()
	r.key = runKey{task: msg.Task, priority: msg.Priority}
	if hub := taskhawk.HubFrom(ctx); hub == nil || !hub.HasTask(msg.Task) {
		r.key.task = unknownTask
	}
	metadata := taskhawk.MetadataFrom(ctx)
	r.key.system, r.key.queue = sourceOf(&metadata)
	r.names = t.runs.get(r.key, newRunNames)

	options := r.names.options
	if len(msg.Headers) > 0 {
		parent, remote := t.contextOf(ctx, msg)
		ctx = parent
		if remote.IsValid() {
			options = append(slices.Clip(options), trace.WithLinks(trace.Link{SpanContext: remote}))
		}
	}
	ctx, r.span = t.start(ctx, r.names.span, options...)
	r.ctx = ctx
	if r.span.IsRecording() {
		r.span.SetAttributes(keyID.String(metadata.ID), keyAttempt.Int(metadata.Attempt))
		if metadata.MessageID != "" {
			r.span.SetAttributes(semconv.MessagingMessageID(metadata.MessageID))
		}
	}
	if own := r.span.SpanContext(); own.IsValid() {
		traceID, spanID := own.TraceID().String(), own.SpanID().String()
		taskhawk.AddLogAttrs(ctx, slog.String("trace_id", traceID), slog.String("span_id", spanID))
	}
}

// count adds a run to the running tasks. It is guarded by itself, so that a panic of the
// meter does not cost the span.
func (t *Telemetry) count(r *run) {
	t.metrics.running.Add(r.ctx, 1, r.names.add...)
	r.task = true
	if sent := taskhawk.MetadataFrom(r.ctx).Timestamp; !sent.IsZero() {
		t.metrics.waited.Record(r.ctx, max(r.start.Sub(sent).Seconds(), 0), r.names.record...)
	}
}

// contextOf returns the context to start the span of a run in, and the span context to
// link to. If the propagator panics, it returns ctx.
func (t *Telemetry) contextOf(
	ctx context.Context, msg *taskhawk.Message,
) (parent context.Context, link trace.SpanContext) {
	parent = ctx
	t.guarded(func() { parent, link = t.extract(ctx, msg) }) //nolint:fatcontext // it runs once
	return parent, link
}

func (t *Telemetry) extract(ctx context.Context, msg *taskhawk.Message) (context.Context, trace.SpanContext) {
	carrier := headers(msg.Headers)
	if t.readsW3C && !t.childSpans {
		return t.extractW3C(ctx, carrier)
	}
	local := trace.SpanFromContext(ctx)
	extracted, remote := linkTo(ctx, t.propagator, carrier)
	switch {
	case t.childSpans && remote.IsValid():
		return extracted, local.SpanContext() // the span of the function, on Lambda
	case remote.IsValid():
		return trace.ContextWithSpan(extracted, local), remote // with its baggage, without its trace
	}
	return extracted, remote
}

// extractW3C returns what extract returns, with fewer allocations: one if spans are made,
// and six of twelve if the tracer is a no-op, by TestAllocsOfTelemetryWithoutABackend.
// The baggage goes into the context, the remote span does not.
func (t *Telemetry) extractW3C(
	ctx context.Context, carrier headers,
) (parent context.Context, link trace.SpanContext) {
	if !t.untraced { // a no-op tracer drops the link
		_, link = linkTo(ctx, propagation.TraceContext{}, carrier)
	}
	return propagation.Baggage{}.Extract(ctx, carrier), link
}

// sourceOf returns the service and the queue or topic of a message.
func sourceOf(m *taskhawk.Metadata) (system, name string) {
	switch {
	case m.Queue != "":
		return semconv.MessagingSystemAWSSQS.Value.AsString(), m.Queue
	case m.Topic != "": // from the event: a topic named by an envelope comes with a queue
		return semconv.MessagingSystemAWSSNS.Value.AsString(), m.Topic[strings.LastIndexByte(m.Topic, ':')+1:]
	}
	return systemMemory, ""
}

// end ends the span of a run and records its metrics. It does not depend on how far begin
// and count came.
func (t *Telemetry) end(r *run, err error) {
	key := r.key
	key.outcome = outcomeOf(taskhawk.OutcomeOf(err))
	if err != nil {
		key.failure = safeErrorType(err)
	}
	names := t.runs.get(key, newRunNames)
	if r.span != nil {
		t.guarded(func() { endRun(r, names, key.failure, err) })
	}
	if !r.task {
		return
	}
	t.metrics.running.Add(r.ctx, -1, r.names.add...)
	t.metrics.consumed.Add(r.ctx, 1, names.add...)
	t.metrics.process.Record(r.ctx, time.Since(r.start).Seconds(), names.record...)
}

// endRun ends the span of a run, with its outcome.
func endRun(r *run, names *runNames, failure string, err error) {
	defer r.span.End()
	if !r.span.IsRecording() {
		return
	}
	outcome := taskhawk.OutcomeOf(err)
	r.span.SetAttributes(names.failures...)
	switch {
	case outcome.Action == taskhawk.ActionDeadLetter,
		outcome.Action == taskhawk.ActionRetry && taskhawk.LastAttempt(r.ctx):
		r.span.AddEvent(eventDeadLetter)
	case outcome.Action == taskhawk.ActionRetry:
		r.span.AddEvent(eventRetry)
	}
	if outcome.Action != taskhawk.ActionDelete && !outcome.Expected {
		r.span.SetStatus(codes.Error, failure)
	}
}

// Package oteltaskhawk records OpenTelemetry traces and metrics of tasks, across the
// queue.
//
//	telemetry, err := oteltaskhawk.New(oteltaskhawk.Config{})
//	if err != nil {
//		return err
//	}
//	hub, err := taskhawk.NewHub(telemetry.Apply(taskhawk.Config{Publisher: publisher, Tasks: tasks}))
//
// Each dispatch has a span, and its context travels in the headers of the message. Each
// run has a span with a link to the span of its dispatch. This also works if Python or
// AWS sent the message with the context in its attributes. A request that many dispatches
// share has a span with links to all of them. The names follow the semantic conventions
// for messaging, version 1.43.0; docs/observability.md lists them.
//
// Nothing here can lose or repeat a task. If a tracer, meter or propagator panics, only
// telemetry is lost, and the panic is reported to otel.Handle. If it hangs, it blocks the
// dispatch or the handler that called it.
package oteltaskhawk

import (
	"context"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Config sets where traces and metrics go. The zero value uses the global providers.
type Config struct {
	// TracerProvider makes the tracer. Default: otel.GetTracerProvider().
	TracerProvider trace.TracerProvider
	// MeterProvider makes the meter. Default: otel.GetMeterProvider().
	MeterProvider metric.MeterProvider
	// Propagator writes the context of a span to the headers of messages, and reads it.
	// Default: the global propagator, if one is set when New is called, otherwise W3C
	// trace context and baggage.
	Propagator propagation.TextMapPropagator
	// ChildSpans makes the span of a run a child of the span of its dispatch, in one
	// trace. By default the span has a link instead, since a task may wait for hours and
	// run several times.
	ChildSpans bool
}

// Telemetry is the middleware and the observer of a hub. It is immutable and safe for
// concurrent use, also by several hubs.
type Telemetry struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	childSpans bool
	readsW3C   bool // trace context and baggage are read one by one
	untraced   bool // no span is ever made
	metrics    *instruments
	meter      metric.Meter
	sends      cache[sendKey, *sendNames]
	runs       cache[runKey, *runNames]
	calls      cache[callKey, *callNames]
	settled    cache[settledKey, *settledNames]
	reported   atomic.Int64 // when the last panic was reported, in ns since 1970
}

var _ taskhawk.Observer = (*Telemetry)(nil)

// New makes the telemetry. It returns an error if the meter refuses an instrument.
func New(config Config) (*Telemetry, error) {
	if config.TracerProvider == nil {
		config.TracerProvider = otel.GetTracerProvider()
	}
	if config.MeterProvider == nil {
		config.MeterProvider = otel.GetMeterProvider()
	}
	if config.Propagator == nil {
		config.Propagator = otel.GetTextMapPropagator()
		if len(config.Propagator.Fields()) == 0 {
			config.Propagator = propagation.NewCompositeTextMapPropagator(
				propagation.TraceContext{}, propagation.Baggage{},
			)
		}
	}
	meter := config.MeterProvider.Meter(scopeName, metric.WithSchemaURL(schemaURL))
	metrics, err := newInstruments(meter)
	if err != nil {
		return nil, fmt.Errorf("oteltaskhawk: new: %w", err)
	}
	tracer := config.TracerProvider.Tracer(scopeName, trace.WithSchemaURL(schemaURL))
	_, untraced := tracer.(noop.Tracer)
	return &Telemetry{
		tracer:     tracer,
		propagator: config.Propagator,
		childSpans: config.ChildSpans,
		readsW3C:   isW3C(config.Propagator),
		untraced:   untraced,
		metrics:    metrics,
		meter:      meter,
	}, nil
}

// isW3C reports whether p is the trace context and the baggage of W3C, and no more.
func isW3C(p propagation.TextMapPropagator) bool {
	traces, bags := propagation.TraceContext{}, propagation.Baggage{}
	return reflect.DeepEqual(p, propagation.NewCompositeTextMapPropagator(traces, bags)) ||
		reflect.DeepEqual(p, propagation.NewCompositeTextMapPropagator(bags, traces))
}

// Apply returns config with the telemetry: [Telemetry.Dispatch] and [Telemetry.Process]
// as the outermost middleware, and t in the place of its Observer.
func (t *Telemetry) Apply(config taskhawk.Config) taskhawk.Config {
	config.DispatchMiddleware = append([]taskhawk.DispatchMiddleware{t.Dispatch}, config.DispatchMiddleware...)
	config.Middleware = append([]taskhawk.Middleware{t.Process}, config.Middleware...)
	config.Observer = t
	return config
}

// reportEvery is the shortest interval between two reports of panics, since each task may
// cause one.
const reportEvery = time.Minute

// guarded calls f and reports a panic to otel.Handle, which may be the user's code too.
func (t *Telemetry) guarded(f func()) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		defer func() { _ = recover() }()
		now, last := time.Now().UnixNano(), t.reported.Load()
		if (last == 0 || now-last >= int64(reportEvery)) && t.reported.CompareAndSwap(last, now) {
			otel.Handle(fmt.Errorf("oteltaskhawk: panic (%T)", value))
		}
	}()
	f()
}

// start starts a span. It replaces a nil context from the tracer by ctx, and a nil span
// by one that does nothing.
func (t *Telemetry) start(
	ctx context.Context, name string, options ...trace.SpanStartOption,
) (context.Context, trace.Span) {
	started, span := t.tracer.Start(ctx, name, options...)
	if started == nil {
		started = ctx
	}
	if span == nil {
		span = noop.Span{}
	}
	return started, span
}

// dispatchHeaders gives a propagator the headers of an outgoing message.
type dispatchHeaders taskhawk.Dispatch

// Get returns a header.
func (h *dispatchHeaders) Get(name string) string { return (*taskhawk.Dispatch)(h).Header(name) }

// Set sets a header.
func (h *dispatchHeaders) Set(name, value string) { (*taskhawk.Dispatch)(h).SetHeader(name, value) }

// Keys returns the names of the headers.
func (h *dispatchHeaders) Keys() []string { return headers((*taskhawk.Dispatch)(h).Headers()).Keys() }

// headers gives a propagator the headers of a received message.
type headers taskhawk.Headers

// Get returns a header. Without an exact match, it ignores the case of the name, since
// senders choose the names of message attributes.
func (h headers) Get(name string) string {
	if value, ok := h[name]; ok {
		return value
	}
	return anyCase(h, name)
}

// Set does nothing: received messages do not change.
func (headers) Set(string, string) {}

// Keys returns the names of the headers.
func (h headers) Keys() []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	return names
}

// linkTo returns the span context that p reads from headers, and ctx with all that it
// reads. The span context is invalid if there is none, or if it is the span of ctx.
func linkTo(
	ctx context.Context, p propagation.TextMapPropagator, carrier propagation.TextMapCarrier,
) (context.Context, trace.SpanContext) {
	extracted := p.Extract(ctx, carrier)
	remote, own := trace.SpanContextFromContext(extracted), trace.SpanContextFromContext(ctx)
	if remote.TraceID() == own.TraceID() && remote.SpanID() == own.SpanID() {
		return extracted, trace.SpanContext{}
	}
	return extracted, remote
}

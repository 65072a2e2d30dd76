package oteltaskhawk_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/oteltaskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// broken makes tracers that call do.
type broken struct {
	nooptrace.TracerProvider

	do func()
}

func (b broken) Tracer(string, ...trace.TracerOption) trace.Tracer { return brokenTracer{do: b.do} }

type brokenTracer struct {
	nooptrace.Tracer

	do func()
}

func (b brokenTracer) Start(context.Context, string, ...trace.SpanStartOption) (context.Context, trace.Span) {
	b.do()
	return nil, nil
}

type brokenPropagator struct{ do func() }

func (p brokenPropagator) Inject(context.Context, propagation.TextMapCarrier) { p.do() }
func (p brokenPropagator) Extract(ctx context.Context, _ propagation.TextMapCarrier) context.Context {
	p.do()
	return ctx
}
func (brokenPropagator) Fields() []string { return []string{"traceparent"} }

// brokenMeter makes instruments that call do.
type brokenMeter struct {
	noopmetric.Meter

	do func()
}

type brokenMeters struct {
	noopmetric.MeterProvider

	do func()
}

func (b brokenMeters) Meter(string, ...metric.MeterOption) metric.Meter { return brokenMeter{do: b.do} }

func (b brokenMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return brokenCounter{do: b.do}, nil
}

func (b brokenMeter) Int64UpDownCounter(
	string, ...metric.Int64UpDownCounterOption,
) (metric.Int64UpDownCounter, error) {
	return brokenUpDown{do: b.do}, nil
}

func (b brokenMeter) Float64Histogram(
	string, ...metric.Float64HistogramOption,
) (metric.Float64Histogram, error) {
	return brokenDurations{do: b.do}, nil
}

func (b brokenMeter) Int64Histogram(string, ...metric.Int64HistogramOption) (metric.Int64Histogram, error) {
	return brokenNumbers{do: b.do}, nil
}

type brokenCounter struct {
	noopmetric.Int64Counter

	do func()
}

func (b brokenCounter) Add(context.Context, int64, ...metric.AddOption) { b.do() }

type brokenUpDown struct {
	noopmetric.Int64UpDownCounter

	do func()
}

func (b brokenUpDown) Add(context.Context, int64, ...metric.AddOption) { b.do() }

type brokenDurations struct {
	noopmetric.Float64Histogram

	do func()
}

func (b brokenDurations) Record(context.Context, float64, ...metric.RecordOption) { b.do() }

type brokenNumbers struct {
	noopmetric.Int64Histogram

	do func()
}

func (b brokenNumbers) Record(context.Context, int64, ...metric.RecordOption) { b.do() }

func TestAMeterThatPanicsCostsNoSpan(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	e := newEnv(t, oteltaskhawk.Config{MeterProvider: brokenMeters{do: func() {
		calls.Add(1)
		panic("no")
	}}})
	var tenant string
	task := newNumber(func(ctx context.Context, _ numberArgs) error {
		tenant = baggage.FromContext(ctx).Member("tenant").Value()
		return errDown
	})
	hub := e.hub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}, Publisher: discard{}})
	_, err := task.Dispatch(t.Context(), numberArgs{})
	require.NoError(t, err)
	require.ErrorIs(t, hub.Handle(t.Context(), &taskhawk.Delivery{Body: body("tests.number", 7)}), errDown)
	require.Equal(t, "acme", tenant)
	require.Len(t, e.ended("send tests.number"), 1)
	process := e.one("process tests.number")
	require.Len(t, process.Links(), 1)
	require.Equal(t, "retry", attributes(process)["taskhawk.outcome"])
	require.Equal(t, []string{"taskhawk.retry"}, eventsOf(process))
	require.EqualValues(t, 2, calls.Load(), "the counters of dispatches and of running tasks")
}

func TestBrokenTelemetryLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]oteltaskhawk.Config{
		"a tracer that panics":      {TracerProvider: broken{do: func() { panic("no") }}},
		"a tracer that is slow":     {TracerProvider: broken{do: func() { time.Sleep(time.Second) }}},
		"a meter that panics":       {MeterProvider: brokenMeters{do: func() { panic("no") }}},
		"a meter that is slow":      {MeterProvider: brokenMeters{do: func() { time.Sleep(time.Second) }}},
		"a propagator that panics":  {Propagator: brokenPropagator{func() { panic("no") }}},
		"a propagator that is slow": {Propagator: brokenPropagator{func() { time.Sleep(time.Second) }}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, memory, ran := newEnv(t, config), taskhawktest.NewMemory(taskhawktest.MemoryConfig{}), map[int]int{}
				task := newNumber(func(_ context.Context, args numberArgs) error {
					ran[args.N]++
					return nil
				})
				hub := e.hub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}, Publisher: memory})
				for n := range 20 {
					_, err := task.Dispatch(t.Context(), numberArgs{N: n}, taskhawk.WithHeaders(taskhawk.Headers{"h": "v"}))
					require.NoError(t, err)
				}
				worker, err := taskhawk.NewWorker(hub, memory.Queues(), taskhawk.WorkerConfig{Concurrency: 1})
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- worker.Run(ctx) }()
				time.Sleep(2 * time.Minute)
				cancel()
				require.NoError(t, <-done)
				require.Len(t, ran, 20)
				for n, times := range ran {
					require.Equal(t, 1, times, n)
				}
				all, _ := memory.Depth(taskhawk.Default)
				require.Zero(t, all)
			})
		})
	}
}

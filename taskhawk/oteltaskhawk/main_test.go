package oteltaskhawk_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/oteltaskhawk"
)

func TestMain(m *testing.M) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // broken tracers are reported to it
	goleak.VerifyTestMain(m)
}

var errDown = errors.New("the service is down")

type numberArgs struct{ N int }

// env is telemetry that records all it is told.
type env struct {
	*testing.T
	spans    *tracetest.SpanRecorder
	reader   *metric.ManualReader
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	*oteltaskhawk.Telemetry
}

func newEnv(t *testing.T, config oteltaskhawk.Config) *env {
	t.Helper()
	e := &env{T: t, spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader()}
	e.provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(e.spans))
	e.tracer = e.provider.Tracer("test")
	if config.TracerProvider == nil {
		config.TracerProvider = e.provider
	}
	if config.MeterProvider == nil {
		config.MeterProvider = metric.NewMeterProvider(metric.WithReader(e.reader))
	}
	var err error
	e.Telemetry, err = oteltaskhawk.New(config)
	require.NoError(t, err)
	return e
}

// hub makes a hub with the telemetry that logs nothing.
func (e *env) hub(config taskhawk.Config) *taskhawk.Hub {
	e.Helper()
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	hub, err := taskhawk.NewHub(e.Apply(config))
	require.NoError(e, err)
	return hub
}

// root starts a span of the program's own.
func (e *env) root(ctx context.Context, name string) (context.Context, trace.Span) {
	return e.tracer.Start(ctx, name) //nolint:spancheck // the caller ends it
}

// ended returns the spans of that name that have ended.
func (e *env) ended(name string) []sdktrace.ReadOnlySpan {
	var found []sdktrace.ReadOnlySpan
	for _, span := range e.spans.Ended() {
		if span.Name() == name {
			found = append(found, span)
		}
	}
	return found
}

// one returns the only span of that name.
func (e *env) one(name string) sdktrace.ReadOnlySpan {
	e.Helper()
	spans := e.ended(name)
	require.Len(e, spans, 1, name)
	return spans[0]
}

func attributes(span sdktrace.ReadOnlySpan) map[string]string {
	found := map[string]string{}
	for _, a := range span.Attributes() {
		found[string(a.Key)] = a.Value.String()
	}
	return found
}

func eventsOf(span sdktrace.ReadOnlySpan) []string {
	var names []string
	for _, event := range span.Events() {
		names = append(names, event.Name)
	}
	return names
}

// collect returns the metrics by name.
func (e *env) collect() map[string]metricdata.Metrics {
	e.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(e, e.reader.Collect(context.Background(), &all))
	found := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			found[m.Name] = m
		}
	}
	return found
}

// series returns the value of each series of a metric, the count for a histogram, by the
// values of some attributes.
func (e *env) series(name string, keys ...attribute.Key) map[string]float64 {
	e.Helper()
	found := map[string]float64{}
	add := func(set attribute.Set, value float64) {
		label := ""
		for _, key := range keys {
			v, _ := set.Value(key)
			label += v.String() + " "
		}
		found[label] += value
	}
	m, ok := e.collect()[name]
	require.True(e, ok, "no metric %s", name)
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, float64(p.Value))
		}
	case metricdata.Gauge[int64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, float64(p.Value))
		}
	case metricdata.Gauge[float64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, p.Value)
		}
	case metricdata.Histogram[int64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, float64(p.Count))
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, float64(p.Count))
		}
	default:
		require.Fail(e, "unexpected kind", "%s is %T", name, data)
	}
	return found
}

package oteltaskhawk_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/baggage"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/oteltaskhawk"
)

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// bodyWith is a message to tests.number with these headers, as JSON.
func bodyWith(headers string) string {
	return `{"id":"i","metadata":{"priority":"high","timestamp":1460868253255,"version":"1.0"},"headers":` + headers +
		`,"task":"tests.number","args":[1],"kwargs":{}}`
}

// Telemetry with a no-op tracer and meter costs six allocations at most. One is the
// context of the span. Five are baggage: only propagation.Baggage can parse it and put it
// into the context. The limits are what was measured, not a margin above it.
func TestAllocsOfTelemetryWithoutABackend(t *testing.T) {
	plain, telemetry := allocsHub(t, nil), newNoop(t)
	traced := allocsHub(t, telemetry)
	ctx := t.Context()

	publish := func(b allocsBed) float64 {
		return allocsPerRun(200, func() { _, _ = b.task.Dispatch(ctx, numberArgs{}) })
	}
	t.Logf("dispatch: %v to %v", publish(plain), publish(traced))
	require.LessOrEqual(t, publish(traced)-publish(plain), 4.0)

	for headers, most := range map[string]float64{
		`{}`:                                    1,
		`{"x":"y"}`:                             1,
		`{"traceparent":"` + traceparent + `"}`: 1,
		`{"traceparent":"` + traceparent + `","baggage":"tenant=acme"}`: 6,
	} {
		d := &taskhawk.Delivery{Body: bodyWith(headers), Queue: "q"}
		handle := func(b allocsBed) float64 {
			require.NoError(t, b.hub.Handle(ctx, d))
			return allocsPerRun(200, func() { _ = b.hub.Handle(ctx, d) })
		}
		t.Logf("handle %s: %v to %v", headers, handle(plain), handle(traced))
		require.LessOrEqual(t, handle(traced)-handle(plain), most, headers)
	}
}

// The observer has one allocation for a request of ten messages, and none for a
// settlement. Hub.Observer, which bounds each observation in time, has the others.
func TestAllocsOfTheObserverWithoutABackend(t *testing.T) {
	telemetry, ctx := newNoop(t), t.Context()
	hub := allocsHub(t, telemetry).hub
	receive := &taskhawk.Call{
		Operation: taskhawk.OperationReceive, System: "aws_sqs", Method: "ReceiveMessage", Queue: "q",
	}
	sent := &taskhawk.Outgoing{Headers: taskhawk.Headers{"traceparent": traceparent}}
	send := &taskhawk.Call{
		Operation: taskhawk.OperationSend, System: "aws_sqs", Method: "SendMessageBatch", Queue: "q",
		Messages: 10, Sent: slices.Repeat([]*taskhawk.Outgoing{sent}, 10),
	}
	settlement := &taskhawk.Settlement{Task: "tests.number", Registered: true, Queue: "q", Attempt: 1}
	for name, c := range map[string]struct {
		observer             taskhawk.Observer
		mostCall, mostSettle float64
	}{
		"alone":      {observer: telemetry, mostCall: 1, mostSettle: 0},
		"of the hub": {observer: hub.Observer(), mostCall: 22, mostSettle: 9},
	} {
		observe := func(call *taskhawk.Call) float64 {
			return allocsPerRun(200, func() {
				_, end := c.observer.Call(ctx, call)
				end(10, nil)
			})
		}
		settle := allocsPerRun(200, func() { c.observer.Settled(ctx, settlement) })
		t.Logf("%s: receive %v, send %v, settlement %v", name, observe(receive), observe(send), settle)
		require.LessOrEqual(t, observe(receive), c.mostCall, name)
		require.LessOrEqual(t, observe(send), c.mostCall, name)
		require.LessOrEqual(t, settle, c.mostSettle, name)
	}
}

func newNoop(t *testing.T) *oteltaskhawk.Telemetry {
	t.Helper()
	telemetry, err := oteltaskhawk.New(oteltaskhawk.Config{
		TracerProvider: nooptrace.NewTracerProvider(), MeterProvider: noopmetric.NewMeterProvider(),
	})
	require.NoError(t, err)
	return telemetry
}

// allocsBed is a hub that publishes to nowhere, and its task.
type allocsBed struct {
	hub  *taskhawk.Hub
	task *taskhawk.Task[numberArgs]
}

// allocsHub makes a hub with telemetry, which may be nil.
func allocsHub(t *testing.T, telemetry *oteltaskhawk.Telemetry) allocsBed {
	t.Helper()
	task := newNumber(func(context.Context, numberArgs) error { return nil })
	config := taskhawk.Config{
		Tasks: []taskhawk.AnyTask{task}, Publisher: discard{}, Logger: slog.New(slog.DiscardHandler),
	}
	if telemetry != nil {
		config = telemetry.Apply(config)
	}
	hub, err := taskhawk.NewHub(config)
	require.NoError(t, err)
	return allocsBed{hub: hub, task: task}
}

type discard struct{}

func (discard) Publish(context.Context, *taskhawk.Outgoing) error { return nil }

// composite hides which propagators it has.
type composite struct{ propagation.TextMapPropagator }

// The propagators of W3C are read one by one, which must not show.
func TestW3CPropagatorsAreReadAsAnyOthers(t *testing.T) {
	t.Parallel()
	both := []propagation.TextMapPropagator{propagation.TraceContext{}, propagation.Baggage{}}
	read := func(p propagation.TextMapPropagator, body string) string {
		e := newEnv(t, oteltaskhawk.Config{Propagator: p})
		var got string
		task := newNumber(func(ctx context.Context, _ numberArgs) error {
			got = baggage.FromContext(ctx).String()
			return nil
		})
		hub := e.hub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
		ctx, root := e.root(t.Context(), "root")
		require.NoError(t, hub.Handle(ctx, &taskhawk.Delivery{Body: body}))
		span := e.one("process tests.number")
		require.Equal(t, root.SpanContext().SpanID(), span.Parent().SpanID())
		for _, link := range span.Links() {
			got += fmt.Sprint(" ", link.SpanContext.TraceID(), link.SpanContext.SpanID(), link.SpanContext.TraceFlags(),
				link.SpanContext.TraceState(), link.SpanContext.IsRemote())
		}
		return got
	}
	for headers, want := range map[string]string{
		`{"x":"y"}`:                             "",
		`{"traceparent":"` + traceparent + `"}`: " 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 01  true",
		`{"Traceparent":"` + traceparent + `","tracestate":"a=b","BAGGAGE":"k=v;p"}`:     "k=v;p 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 01 a=b true",
		`{"traceparent":"00-00000000000000000000000000000000-00f067aa0ba902b7-01"}`:      "",
		`{"traceparent":"not one","baggage":"k=v"}`:                                      "k=v",
		`{"traceparent":"` + traceparent + `","tracestate":"==","baggage":"no baggage"}`: " 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 01  true",
	} {
		body := bodyWith(headers)
		require.Equal(t, want, read(composite{propagation.NewCompositeTextMapPropagator(both...)}, body), headers)
		require.Equal(t, want, read(propagation.NewCompositeTextMapPropagator(both...), body), headers)
		require.Equal(t, want, read(propagation.NewCompositeTextMapPropagator(both[1], both[0]), body), headers)
	}
}

// allocsPerRun is the least of three measurements: a collection in the middle of one
// empties the pools of buffers, and what fills them again counts.
func allocsPerRun(runs int, f func()) float64 {
	least := testing.AllocsPerRun(runs, f)
	for range 2 {
		least = min(least, testing.AllocsPerRun(runs, f))
	}
	return least
}

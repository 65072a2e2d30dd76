package main

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/taskhawk/taskhawk-go/taskhawk/oteltaskhawk"
)

// observability keeps what the program exports: a real one sends its spans to a
// collector, in the place of spans.
type observability struct {
	spans     *tracetest.SpanRecorder
	traces    *sdktrace.TracerProvider
	registry  *prometheus.Registry
	telemetry *oteltaskhawk.Telemetry
}

func newObservability() (*observability, error) {
	o := &observability{spans: tracetest.NewSpanRecorder(), registry: prometheus.NewRegistry()}
	service := resource.NewSchemaless(attribute.String("service.name", "observed"))
	o.traces = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(o.spans), sdktrace.WithResource(service))
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(o.registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return nil, err
	}
	o.telemetry, err = oteltaskhawk.New(oteltaskhawk.Config{
		TracerProvider: o.traces,
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(exporter), metric.WithResource(service)),
	})
	return o, err
}

func (o *observability) metricsHandler() http.Handler {
	return promhttp.HandlerFor(o.registry, promhttp.HandlerOpts{})
}

// print writes the traces, and the metrics but for the buckets of histograms.
func (o *observability) print(out io.Writer) error {
	metrics, err := o.metrics()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "== Traces\n%s\n== Metrics\n%s", o.tree(), metrics)
	return err
}

func (o *observability) metrics() (string, error) {
	families, err := o.registry.Gather()
	if err != nil {
		return "", err
	}
	var all, shown strings.Builder
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&all, family); err != nil {
			return "", err
		}
	}
	for line := range strings.Lines(all.String()) {
		if !strings.Contains(line, "_bucket{") && !strings.HasPrefix(line, "# TYPE") {
			shown.WriteString(line)
		}
	}
	return shown.String(), nil
}

// tree is what a tracing backend shows: spans below their parents, and runs below the
// sends that they are linked to, each such link marked by "~".
func (o *observability) tree() string {
	spans := o.spans.Ended()
	slices.SortStableFunc(spans, func(a, b sdktrace.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	below, roots := map[trace.SpanID][]sdktrace.ReadOnlySpan{}, []sdktrace.ReadOnlySpan{}
	for _, span := range spans {
		switch {
		case span.Parent().IsValid():
			below[span.Parent().SpanID()] = append(below[span.Parent().SpanID()], span)
		case len(span.Links()) > 0:
			id := span.Links()[0].SpanContext.SpanID()
			below[id] = append(below[id], span)
		default:
			roots = append(roots, span)
		}
	}
	var text strings.Builder
	var write func(spans []sdktrace.ReadOnlySpan, indent string)
	write = func(spans []sdktrace.ReadOnlySpan, indent string) {
		for _, span := range spans {
			fmt.Fprintln(&text, indent+describe(span))
			write(below[span.SpanContext().SpanID()], indent+"  ")
		}
	}
	write(roots, "")
	return text.String()
}

// describe is a line for a span: its name, what is told of its run, and its events.
func describe(span sdktrace.ReadOnlySpan) string {
	words := []string{span.Name()}
	if !span.Parent().IsValid() && len(span.Links()) > 0 {
		words = []string{"~", span.Name()}
	}
	for _, attribute := range span.Attributes() {
		switch attribute.Key {
		case "taskhawk.attempt", "taskhawk.outcome", "error.type":
			words = append(words, fmt.Sprintf("%s=%s", attribute.Key, attribute.Value.String()))
		}
	}
	for _, event := range span.Events() {
		words = append(words, "!"+event.Name)
	}
	return strings.Join(words, " ")
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>taskhawk, observed</title>
<style>body{font:15px/1.5 system-ui;margin:2rem;max-width:110ch}
pre{background:#f5f5f5;padding:1rem;overflow:auto}</style>
<h1>Traces</h1><pre>{{.Traces}}</pre><h1>Metrics</h1><pre>{{.Metrics}}</pre></html>
`))

func (o *observability) servePage(w http.ResponseWriter, _ *http.Request) {
	metrics, err := o.metrics()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var html bytes.Buffer
	if err := page.Execute(&html, map[string]string{"Traces": o.tree(), "Metrics": metrics}); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = html.WriteTo(w)
}

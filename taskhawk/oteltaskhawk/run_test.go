package oteltaskhawk_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/oteltaskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// body is a message to a task, with a traceparent of span n unless n is 0.
func body(task string, n int) string {
	headers := ""
	if n > 0 {
		headers = fmt.Sprintf(`"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-%016x-01","baggage":"tenant=acme"`, n)
	}
	return fmt.Sprintf(`{"id":"i%d","metadata":{"priority":"high","timestamp":1460868253255,"version":"1.0"},"headers":{%s},"task":%q,`+
		`"args":[%d],"kwargs":{}}`, n, headers, task, n)
}

func newNumber(handle func(ctx context.Context, args numberArgs) error) *taskhawk.Task[numberArgs] {
	return taskhawk.New("tests.number", handle)
}

func TestARunInSyncIsAChildOfItsDispatch(t *testing.T) {
	t.Parallel()
	e := newEnv(t, oteltaskhawk.Config{})
	task := newNumber(func(context.Context, numberArgs) error { return nil })
	e.hub(taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{task}})
	_, err := task.Dispatch(t.Context(), numberArgs{})
	require.NoError(t, err)
	send, process := e.one("send tests.number"), e.one("process tests.number")
	require.Equal(t, send.SpanContext().SpanID(), process.Parent().SpanID())
	require.Empty(t, process.Links())
	require.Equal(t, "taskhawk", attributes(process)["messaging.system"])
	require.Equal(t, "https://opentelemetry.io/schemas/1.43.0", send.InstrumentationScope().SchemaURL)
}

func TestSpansOfRunsCanBeChildren(t *testing.T) {
	t.Parallel()
	e := newEnv(t, oteltaskhawk.Config{ChildSpans: true})
	task := newNumber(func(context.Context, numberArgs) error { return nil })
	hub := e.hub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
	ctx, function := e.root(t.Context(), "function")
	require.NoError(t, hub.Handle(ctx, &taskhawk.Delivery{Body: body("tests.number", 7)}))
	process := e.one("process tests.number")
	require.Equal(t, "0000000000000007", process.Parent().SpanID().String())
	require.Len(t, process.Links(), 1)
	require.Equal(t, function.SpanContext().SpanID(), process.Links()[0].SpanContext.SpanID())
}

func TestBaggageTravels(t *testing.T) {
	t.Parallel()
	e := newEnv(t, oteltaskhawk.Config{})
	var got string
	task := newNumber(func(ctx context.Context, _ numberArgs) error {
		got = baggage.FromContext(ctx).Member("tenant").Value()
		return nil
	})
	hub := e.hub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}, Publisher: &taskhawktest.Recorder{}})
	require.NoError(t, hub.Handle(t.Context(), &taskhawk.Delivery{Body: body("tests.number", 7)}))
	require.Equal(t, "acme", got)
	require.False(t, e.one("process tests.number").Parent().IsValid())

	member, err := baggage.NewMember("tenant", "zeta")
	require.NoError(t, err)
	bag, err := baggage.New(member)
	require.NoError(t, err)
	out, err := task.Seal(baggage.ContextWithBaggage(t.Context(), bag), numberArgs{})
	require.NoError(t, err)
	require.Equal(t, "tenant=zeta", out.Headers["baggage"])
	require.NoError(t, hub.Handle(t.Context(), &taskhawk.Delivery{Body: out.Body}))
	require.Equal(t, "zeta", got)
}

func TestADispatchWithForwardedHeadersIsAChildOfThem(t *testing.T) {
	t.Parallel()
	e := newEnv(t, oteltaskhawk.Config{})
	task := newNumber(nil)
	e.hub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
	out, err := task.Seal(t.Context(), numberArgs{}, taskhawk.WithHeaders(taskhawk.Headers{
		"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}))
	require.NoError(t, err)
	send := e.one("send tests.number")
	require.Equal(t, "00f067aa0ba902b7", send.Parent().SpanID().String())
	require.Contains(t, out.Headers["traceparent"], send.SpanContext().SpanID().String())
}

func TestErrorsAreNamedByTheirKindAlone(t *testing.T) {
	t.Parallel()
	const secret = "canary-7391"
	for _, c := range []struct {
		err              error
		outcome, kind    string
		status           codes.Code
		task             string
		consumed, events string
	}{
		{nil, "done", "", codes.Unset, "", "", ""},
		{errors.New(secret), "retry", "*errors.errorString", codes.Error, "", "", "[taskhawk.retry]"},
		{fmt.Errorf("%s: %w", secret, errDown), "retry", "*errors.errorString", codes.Error, "", "", "[taskhawk.retry]"},
		{taskhawk.Retry(errDown), "retry", "*errors.errorString", codes.Unset, "", "", "[taskhawk.retry]"},
		{taskhawk.Ignore(errDown), "ignored", "*errors.errorString", codes.Unset, "", "", ""},
		{taskhawk.Permanent(errDown), "dead_letter", "*errors.errorString", codes.Error, "", "", "[taskhawk.dead_letter]"},
		{hostileError{}, "retry", "_OTHER", codes.Error, "", "", "[taskhawk.retry]"},
	} {
		e := newEnv(t, oteltaskhawk.Config{})
		task := newNumber(func(context.Context, numberArgs) error { return c.err })
		hub := e.hub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
		_ = hub.Handle(t.Context(), &taskhawk.Delivery{Body: body("tests.number", 0)})
		span := e.one("process tests.number")
		require.Equal(t, c.outcome, attributes(span)["taskhawk.outcome"])
		require.Equal(t, c.kind, attributes(span)["error.type"])
		require.Equal(t, c.status, span.Status().Code)
		require.NotContains(t, fmt.Sprint(span.Attributes(), span.Events(), span.Status()), secret)
		if c.events != "" {
			require.Equal(t, c.events, fmt.Sprint(eventsOf(span)))
		}
		require.Equal(t, map[string]float64{c.outcome + " ": 1}, e.series("messaging.process.duration", "taskhawk.outcome"))
	}
}

// hostileError panics when it is asked anything.
type hostileError struct{}

func (hostileError) Error() string    { panic("Error") }
func (hostileError) Is(error) bool    { panic("Is") }
func (hostileError) Unwrap() error    { panic("Unwrap") }
func (hostileError) As(any) bool      { panic("As") }
func (hostileError) String() string   { panic("String") }
func (hostileError) GoString() string { panic("GoString") }

func TestUnknownTasksAreOneSeries(t *testing.T) {
	t.Parallel()
	e := newEnv(t, oteltaskhawk.Config{})
	task := newNumber(func(context.Context, numberArgs) error { return nil })
	hub := e.hub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
	for n := range 10_000 {
		d := &taskhawk.Delivery{Body: body(fmt.Sprintf("stranger.%d", n), 0), Queue: "q"}
		err := hub.Handle(t.Context(), d)
		require.ErrorIs(t, err, taskhawk.ErrUnknownTask)
		hub.Settled(t.Context(), d, err, false, errDown)
	}
	for _, name := range []string{"messaging.client.consumed.messages", "messaging.process.duration", "taskhawk.task.wait", "taskhawk.settle.failures"} {
		require.Equal(t, map[string]float64{"_unknown ": 10_000}, e.series(name, "taskhawk.task"))
	}
	require.Len(t, e.ended("process _unknown"), 10_000)
	require.Equal(t, "unknown_task", attributes(e.ended("process _unknown")[0])["error.type"])
}

func TestABatchOfAFunctionHasALinkForEachRecord(t *testing.T) {
	t.Parallel()
	e := newEnv(t, oteltaskhawk.Config{})
	task := newNumber(func(context.Context, numberArgs) error { return nil })
	handler, err := lambdax.SQS(e.hub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}}), lambdax.SQSConfig{Concurrency: 3})
	require.NoError(t, err)
	var event events.SQSEvent
	for n := range 10 {
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: fmt.Sprint(n), Body: body("tests.number", n+1), EventSource: "aws:sqs",
			EventSourceARN: "arn:aws:sqs:us-east-1:123456789012:TASKHAWK-DEV-MYAPP",
		})
	}
	ctx, function := e.root(t.Context(), "function")
	_, err = handler(ctx, event)
	require.NoError(t, err)
	links := map[string]bool{}
	for _, span := range e.ended("process tests.number") {
		require.Equal(t, function.SpanContext().SpanID(), span.Parent().SpanID(), "under the span of the function")
		require.Len(t, span.Links(), 1)
		links[span.Links()[0].SpanContext.SpanID().String()] = true
	}
	require.Len(t, links, 10)
}

func TestARecordOfATopicNamesIt(t *testing.T) {
	t.Parallel()
	e := newEnv(t, oteltaskhawk.Config{})
	task := newNumber(func(context.Context, numberArgs) error { return nil })
	handler, err := lambdax.SNS(e.hub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}}), lambdax.SNSConfig{})
	require.NoError(t, err)
	require.NoError(t, handler(t.Context(), events.SNSEvent{Records: []events.SNSEventRecord{{
		EventSource: "aws:sns", SNS: events.SNSEntity{
			Message: body("tests.number", 1), MessageID: "m", TopicArn: "arn:aws:sns:us-east-1:123456789012:taskhawk-dev-myapp",
		},
	}}}))
	span := e.one("process tests.number")
	require.Equal(t, "aws.sns", attributes(span)["messaging.system"])
	require.Equal(t, "taskhawk-dev-myapp", attributes(span)["messaging.destination.name"])
}

func TestAHandlerThatEndsItsGoroutineEndsItsSpan(t *testing.T) {
	t.Parallel()
	e := newEnv(t, oteltaskhawk.Config{})
	task := newNumber(func(context.Context, numberArgs) error {
		runtime.Goexit()
		return nil
	})
	hub := e.hub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = hub.Handle(t.Context(), &taskhawk.Delivery{Body: body("tests.number", 0)})
	}()
	<-done
	require.Equal(t, "retry", attributes(e.one("process tests.number"))["taskhawk.outcome"])
	require.Equal(t, map[string]float64{"tests.number ": 0}, e.series("taskhawk.task.running", "taskhawk.task"))
}

func TestWatchWorkerShowsItsState(t *testing.T) {
	t.Parallel()
	e := newEnv(t, oteltaskhawk.Config{})
	registration, err := e.WatchWorker("w", func() taskhawk.WorkerStats {
		return taskhawk.WorkerStats{Waiting: 3, Settling: 2, LongestRun: time.Minute, Released: 5, Duplicates: 6}
	})
	require.NoError(t, err)
	for name, want := range map[string]float64{
		"taskhawk.worker.waiting": 3, "taskhawk.worker.settling": 2, "taskhawk.worker.longest_run": 60,
		"taskhawk.worker.released": 5, "taskhawk.worker.duplicates": 6,
	} {
		require.Equal(t, map[string]float64{"w ": want}, e.series(name, "taskhawk.worker"), name)
	}
	require.NoError(t, registration.Unregister())
	require.NotContains(t, e.collect(), "taskhawk.worker.waiting")
}

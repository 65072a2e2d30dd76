package oteltaskhawk_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/oteltaskhawk"
)

const app = "dev-myapp"

// queueEnv is an application on an embedded SQS, within a bubble.
type queueEnv struct {
	*env
	server *sqstest.Server
	client *sqs.Client
	number *taskhawk.Task[numberArgs]
	hub    *taskhawk.Hub
	log    bytes.Buffer
	done   chan error
}

func onQueue(t *testing.T, config oteltaskhawk.Config, handle func(ctx context.Context, n int) error, test func(e *queueEnv)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &queueEnv{env: newEnv(t, config), server: sqstest.NewUnstartedServer(), done: make(chan error, 1)}
		defer e.server.Close()
		e.client = e.server.Client()
		require.NoError(t, sqsx.Provision(t.Context(), e.client, app, sqsx.ProvisionConfig{MaxReceiveCount: 2}))
		publisher, err := sqsx.NewPublisher(e.client, app, sqsx.PublisherConfig{})
		require.NoError(t, err)
		e.number = taskhawk.New("tests.number", func(ctx context.Context, args numberArgs) error { return handle(ctx, args.N) })
		e.hub = e.env.hub(taskhawk.Config{
			Publisher: publisher, Tasks: []taskhawk.AnyTask{e.number},
			Logger: slog.New(slog.NewJSONHandler(&e.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		test(e)
	})
}

func (e *queueEnv) work(config sqsx.WorkerConfig, d time.Duration) {
	e.Helper()
	worker, err := sqsx.NewWorker(e.client, app, e.hub, config)
	require.NoError(e, err)
	ctx, cancel := context.WithCancel(e.Context())
	go func() { e.done <- worker.Run(ctx) }()
	time.Sleep(d)
	cancel()
	require.NoError(e, <-e.done)
}

func defaultQueue() string { return sqsx.QueueName(app, taskhawk.Default) }

// traceHeaders returns the AWSTraceHeader of each message on a queue.
func (e *queueEnv) traceHeaders(queue string) []string {
	e.Helper()
	url, err := e.client.GetQueueUrl(e.Context(), &sqs.GetQueueUrlInput{QueueName: &queue})
	require.NoError(e, err)
	out, err := e.client.ReceiveMessage(e.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: url.QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 10, WaitTimeSeconds: 1,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAWSTraceHeader},
	})
	require.NoError(e, err)
	var found []string
	for _, m := range out.Messages {
		found = append(found, m.Attributes["AWSTraceHeader"])
	}
	return found
}

// Ten goroutines share a request, and no trace gets into another.
func TestSharedRequestsKeepTheTracesOfTheirCallersApart(t *testing.T) {
	t.Parallel()
	succeed := func(context.Context, int) error { return nil }
	onQueue(t, oteltaskhawk.Config{}, succeed, func(e *queueEnv) {
		e.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Nth: 1, Do: sqstest.Delay(20 * time.Millisecond)})
		_, err := e.number.Dispatch(e.Context(), numberArgs{N: -1}) // the request that the others wait behind
		require.NoError(e, err)
		e.spans.Reset()
		var callers sync.WaitGroup
		roots := make([]trace.SpanContext, 11)
		for n := range roots {
			callers.Go(func() {
				ctx, root := e.root(e.Context(), "caller")
				defer root.End()
				roots[n] = root.SpanContext()
				if n > 0 {
					time.Sleep(time.Millisecond) // the first is on its way
				}
				_, err := e.number.Dispatch(ctx, numberArgs{N: n})
				require.NoError(e, err)
			})
			if n == 0 {
				e.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Nth: 1, Do: sqstest.Delay(20 * time.Millisecond)})
			}
		}
		callers.Wait()

		sends := map[trace.SpanID]trace.TraceID{}
		for _, send := range e.ended("send tests.number") {
			require.Equal(e, trace.SpanKindProducer, send.SpanKind())
			sends[send.SpanContext().SpanID()] = send.SpanContext().TraceID()
		}
		require.Len(e, sends, 11)
		var shared sdktrace.ReadOnlySpan
		for _, request := range e.ended("SendMessageBatch " + defaultQueue()) {
			if attributes(request)["messaging.batch.message_count"] == "10" {
				shared = request
			}
		}
		require.NotNil(e, shared, "ten in one request")
		require.False(e, shared.Parent().IsValid(), "it belongs to no caller")
		require.Equal(e, trace.SpanKindClient, shared.SpanKind())
		linked := map[trace.TraceID]bool{}
		for _, link := range shared.Links() {
			require.Equal(e, link.SpanContext.TraceID(), sends[link.SpanContext.SpanID()])
			linked[link.SpanContext.TraceID()] = true
		}
		require.Len(e, linked, 10)

		own := map[string]bool{}
		for range 3 { // ten at most in an answer
			for _, header := range e.traceHeaders(defaultQueue()) {
				own[header] = true
			}
		}
		for id, traceID := range sends {
			require.True(e, own[fmt.Sprintf("Root=1-%s-%s;Parent=%s;Sampled=1", traceID.String()[:8], traceID.String()[8:], id)])
		}

		time.Sleep(10 * time.Second)
		e.work(sqsx.WorkerConfig{}, 2*time.Second)
		ran := map[trace.SpanID]bool{}
		for _, process := range e.ended("process tests.number") {
			require.False(e, process.Parent().IsValid(), "linked, not a child")
			require.Len(e, process.Links(), 1)
			if link := process.Links()[0].SpanContext; sends[link.SpanID()] == link.TraceID() {
				ran[link.SpanID()] = true
			}
		}
		require.Len(e, ran, 11, "each to its own send")
	})
}

func TestARunIsLinkedToItsDispatchThroughARetryToADeadLetterAndBack(t *testing.T) {
	t.Parallel()
	fail := true
	onQueue(t, oteltaskhawk.Config{}, func(context.Context, int) error {
		if fail {
			return errDown
		}
		return nil
	}, func(e *queueEnv) {
		ctx, root := e.root(e.Context(), "caller")
		id, err := e.number.Dispatch(ctx, numberArgs{})
		require.NoError(e, err)
		root.End()
		e.work(sqsx.WorkerConfig{}, 2*time.Minute)
		send := e.one("send tests.number")
		require.Equal(e, root.SpanContext().TraceID(), send.SpanContext().TraceID())
		require.Equal(e, root.SpanContext().SpanID(), send.Parent().SpanID())
		require.Equal(e, send.SpanContext().SpanID(), e.one("SendMessageBatch "+defaultQueue()).Parent().SpanID(), "one caller: a child")
		runs := e.ended("process tests.number")
		require.Len(e, runs, 2)
		require.Equal(e, []string{"taskhawk.retry"}, eventsOf(runs[0]))
		require.Equal(e, []string{"taskhawk.dead_letter"}, eventsOf(runs[1]))
		require.Equal(e, map[string]string{
			"messaging.system": "aws_sqs", "messaging.destination.name": defaultQueue(), "messaging.operation.name": "process",
			"messaging.operation.type": "process", "messaging.message.id": attributes(runs[1])["messaging.message.id"],
			"taskhawk.task": "tests.number", "taskhawk.priority": "default", "taskhawk.id": id, "taskhawk.attempt": "2",
			"taskhawk.outcome": "retry", "error.type": "*errors.errorString",
		}, attributes(runs[1]))

		fail = false
		e.work(sqsx.WorkerConfig{}, time.Minute) // the queue moves the message at the next receive
		_, err = sqsx.Redrive(e.Context(), e.client, app, sqsx.RedriveConfig{})
		require.NoError(e, err)
		e.work(sqsx.WorkerConfig{}, time.Minute)
		runs = e.ended("process tests.number")
		require.Len(e, runs, 3)
		for _, run := range runs {
			require.Len(e, run.Links(), 1)
			require.Equal(e, send.SpanContext().SpanID(), run.Links()[0].SpanContext.SpanID(), "also the one from the dead letters")
		}
		require.Equal(e, map[string]float64{"dead_letter ": 1, "done ": 1}, e.series("taskhawk.task.attempts", "taskhawk.outcome"))
		require.Equal(e, map[string]float64{"tests.number ": 1}, e.series("taskhawk.task.dead_letters", "taskhawk.task"))
	})
}

// As Python 4.7 with OpenTelemetry writes it: the attribute, and no header in the body.
func TestAMessageWithTheAttributeAloneIsLinked(t *testing.T) {
	t.Parallel()
	onQueue(t, oteltaskhawk.Config{}, func(context.Context, int) error { return nil }, func(e *queueEnv) {
		queue := defaultQueue()
		url, err := e.client.GetQueueUrl(e.Context(), &sqs.GetQueueUrlInput{QueueName: &queue})
		require.NoError(e, err)
		_, err = e.client.SendMessage(e.Context(), &sqs.SendMessageInput{
			QueueUrl: url.QueueUrl,
			MessageBody: aws.String(`{"id":"i1","metadata":{"priority":"default","timestamp":1460868253255,"version":"1.0"},"headers":{},` +
				`"task":"tests.number","args":[1],"kwargs":{}}`),
			MessageAttributes: map[string]types.MessageAttributeValue{"traceparent": {
				DataType: aws.String("String"), StringValue: aws.String("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
			}},
		})
		require.NoError(e, err)
		e.work(sqsx.WorkerConfig{}, time.Second)
		links := e.one("process tests.number").Links()
		require.Len(e, links, 1)
		require.Equal(e, "4bf92f3577b34da6a3ce929d0e0e4736", links[0].SpanContext.TraceID().String())
	})
}

func TestTheLineOfARunHasItsIDs(t *testing.T) {
	t.Parallel()
	onQueue(t, oteltaskhawk.Config{}, func(context.Context, int) error { return nil }, func(e *queueEnv) {
		_, err := e.number.Dispatch(e.Context(), numberArgs{})
		require.NoError(e, err)
		e.work(sqsx.WorkerConfig{}, time.Second)
		span := e.one("process tests.number").SpanContext()
		var line string
		for text := range strings.Lines(e.log.String()) {
			if strings.Contains(text, `"msg":"task done"`) {
				line = text
			}
		}
		require.Contains(e, line, fmt.Sprintf(`"trace_id":%q,"span_id":%q`, span.TraceID(), span.SpanID()))
	})
}

// The figures of the cost meter in docs/operations.md come from these.
func TestRequestsAreCountedByMethod(t *testing.T) {
	t.Parallel()
	onQueue(t, oteltaskhawk.Config{}, func(context.Context, int) error { return nil }, func(e *queueEnv) {
		_, err := e.number.DispatchAll(e.Context(), make([]numberArgs, 10))
		require.NoError(e, err)
		e.work(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}}, 30*time.Second)
		requests := e.series("taskhawk.requests", "taskhawk.method", "taskhawk.empty")
		require.InEpsilon(e, 1.0, requests["SendMessageBatch false "], 0)
		require.InEpsilon(e, 1.0, requests["ReceiveMessage false "], 0)
		require.Positive(e, requests["ReceiveMessage true "], "empty receives")
		require.Positive(e, requests["DeleteMessageBatch false "])
		require.Equal(e, map[string]float64{"tests.number default ": 10},
			e.series("messaging.client.sent.messages", "taskhawk.task", "taskhawk.priority"))
		require.Equal(e, map[string]float64{"tests.number done ": 10},
			e.series("messaging.client.consumed.messages", "taskhawk.task", "taskhawk.outcome"))
		require.Equal(e, map[string]float64{"tests.number ": 10}, e.series("taskhawk.task.wait", "taskhawk.task"))
		require.Equal(e, map[string]float64{"tests.number ": 0}, e.series("taskhawk.task.running", "taskhawk.task"))
		require.InEpsilon(e, 1.0, e.series("taskhawk.request.messages", "taskhawk.method")["SendMessageBatch "], 0)
		require.Positive(e, e.series("messaging.client.operation.duration", "taskhawk.method")["ReceiveMessage "])
	})
}

package lambdax_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("the service is down")

// must is for what fails only by a mistake in the test.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// secret must not be in any error or log line.
const secret = "canary-7391"

type doArgs struct {
	N  int
	Do string // what the handler does, see do
}

// env is a hub with the tasks "do", and "slow" that declares a timeout of 5 s; it
// remembers what ran and what was logged.
type env struct {
	*testing.T
	hub *taskhawk.Hub
	log safeBuffer

	mu   sync.Mutex
	ran  []int
	seen []taskhawk.Metadata
}

type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func newEnv(t *testing.T, more ...taskhawk.AnyTask) *env {
	t.Helper()
	r := &env{T: t}
	var err error
	r.hub, err = taskhawk.NewHub(taskhawk.Config{
		Logger: slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Tasks: append(more,
			taskhawk.New("do", r.do), taskhawk.New("slow", r.do, taskhawk.WithTimeout(5*time.Second))),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NotContains(t, r.log.String(), secret) })
	return r
}

func (r *env) do(ctx context.Context, args doArgs) error {
	r.mu.Lock()
	r.ran, r.seen = append(r.ran, args.N), append(r.seen, taskhawk.MetadataFrom(ctx))
	r.mu.Unlock()
	switch args.Do {
	case "fail":
		return errDown
	case "ignore":
		return taskhawk.Ignore(errDown)
	case "permanent":
		return taskhawk.Permanent(errDown)
	case "later":
		return taskhawk.RetryAfter(time.Minute, errDown)
	case "panic":
		panic(secret)
	case "goexit":
		runtime.Goexit()
	case "wait": // until its context ends
		<-ctx.Done()
		return context.Cause(ctx)
	case "second":
		<-time.After(time.Second) // virtual
	case "hang": // for an hour, whatever its context says
		<-time.After(time.Hour)
	}
	return nil
}

// body is the message that runs task with those arguments.
func body(task string, n int, do string) string {
	return fmt.Sprintf(`{"id":"i%d","metadata":{"priority":"high","timestamp":1460868253255,"version":"1.0"},"headers":{"h":"v"},`+
		`"task":%q,"args":[%d,%q],"kwargs":{}}`, n, task, n, do)
}

// message is the n-th message of an event from a queue, with the id "m<n>".
func message(n int, body string) events.SQSMessage {
	return events.SQSMessage{
		MessageId: fmt.Sprint("m", n), ReceiptHandle: fmt.Sprint("r", n), Body: body,
		Attributes:  map[string]string{"ApproximateReceiveCount": "2", "SentTimestamp": "1520621625029"},
		EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:us-east-1:123456789012:TASKHAWK-DEV-MYAPP",
	}
}

// doing is an event with a message for each of what the handlers are to do; "" for
// nothing but success, "slow" for the task with a timeout, "bad" for a body that is no
// message.
func doing(what ...string) events.SQSEvent {
	var event events.SQSEvent
	for n, do := range what {
		text := body("do", n, do)
		switch do {
		case "slow":
			text = body("slow", n, "")
		case "bad":
			text = `{"` + secret
		case "unknown":
			text = body("nobody knows", n, "")
		}
		event.Records = append(event.Records, message(n, text))
	}
	return event
}

// fifo makes the messages of an event those of a FIFO queue, in these groups.
func fifo(event events.SQSEvent, groups ...string) events.SQSEvent {
	for i := range event.Records {
		event.Records[i].EventSourceARN += ".fifo"
		event.Records[i].Attributes = map[string]string{"MessageGroupId": groups[i]}
	}
	return event
}

// reported are the ids in an answer.
func reported(t *testing.T, response events.SQSEventResponse) []string {
	t.Helper()
	require.NotNil(t, response.BatchItemFailures, "null means that all succeeded")
	ids := []string{}
	for _, failure := range response.BatchItemFailures {
		ids = append(ids, failure.ItemIdentifier)
	}
	return ids
}

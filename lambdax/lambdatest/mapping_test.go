package lambdatest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// invoker is a function in the test: it gets the bodies of a batch and returns what it
// answers.
type invoker func(bodies []string, ids []string) (string, error)

// Invoke reads the event.
func (f invoker) Invoke(_ context.Context, payload []byte, _ ...lambdatest.InvokeOption) (lambdatest.Result, error) {
	var event struct {
		Records []struct{ Body, MessageID string }
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return lambdatest.Result{}, err
	}
	var bodies, ids []string
	for _, record := range event.Records {
		bodies, ids = append(bodies, record.Body), append(ids, record.MessageID)
	}
	response, err := f(bodies, ids)
	if err != nil {
		return lambdatest.Result{Error: &lambdatest.FunctionError{Message: err.Error()}}, nil //nolint:nilerr // it is the function's
	}
	return lambdatest.Result{Response: []byte(response)}, nil
}

// stage is a queue on the embedded server, in a bubble.
type stage struct {
	*testing.T
	server *sqstest.Server
	source *sqstest.EventSource
}

// onStage runs a test with a queue whose visibility timeout is 30 s.
func onStage(t *testing.T, test func(stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		_, err := server.Client().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
		require.NoError(t, err)
		source, err := server.EventSource("jobs", 20*time.Second)
		require.NoError(t, err)
		test(stage{t, server, source})
	})
}

func (s stage) send(bodies ...string) {
	s.Helper()
	for _, body := range bodies {
		_, err := s.server.Client().SendMessage(s.Context(), &sqs.SendMessageInput{
			QueueUrl: aws.String(s.server.Queue("jobs").URL), MessageBody: &body,
		})
		require.NoError(s, err)
	}
}

// run runs the mapping for a while.
func (s stage) run(m lambdatest.Mapping, d time.Duration) error {
	ctx, cancel := context.WithTimeout(s.Context(), d)
	defer cancel()
	return m.Run(ctx)
}

// left are the bodies on the queue.
func (s stage) left() []string {
	var bodies []string
	for _, m := range s.server.Queue("jobs").Messages {
		bodies = append(bodies, m.Body)
	}
	return bodies
}

func TestMappingDeletesWhatIsDone(t *testing.T) {
	t.Parallel()
	onStage(t, func(s stage) {
		s.send("a", "b", "c")
		var batches []lambdatest.Batch
		var runs []string
		m := lambdatest.Mapping{
			Source: s.source, ReportBatchItemFailures: true, Observe: func(b lambdatest.Batch) { batches = append(batches, b) },
			Function: invoker(func(bodies, ids []string) (string, error) {
				runs = append(runs, strings.Join(bodies, ""))
				if len(runs) == 1 {
					return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q}]}`, ids[1]), nil
				}
				return `{"batchItemFailures":[]}`, nil
			}),
		}
		require.NoError(s, s.run(m, 29*time.Second))
		require.Equal(s, []string{"b"}, s.left())
		require.NoError(s, s.run(m, 29*time.Second))
		require.Equal(s, []string{"abc", "b"}, runs, "what failed comes back after the visibility timeout")
		require.Empty(s, s.left())
		require.Len(s, batches, 2)
		require.Len(s, batches[0].Messages, 3)
		require.Equal(s, []string{batches[0].Messages[0], batches[0].Messages[2]}, batches[0].Done)
		require.Contains(s, string(batches[0].Event), `{"Records":[{"messageId":`)
	})
}

// A test may go batch by batch.
func TestMappingRunsOneBatch(t *testing.T) {
	t.Parallel()
	onStage(t, func(s stage) {
		s.send("a", "b", "c")
		m := lambdatest.Mapping{
			Source: s.source, BatchSize: 2, ReportBatchItemFailures: true,
			Function: invoker(func(_, ids []string) (string, error) {
				return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q}]}`, ids[0]), nil
			}),
		}
		b, err := m.RunBatch(s.Context())
		require.NoError(s, err)
		require.Len(s, b.Messages, 2)
		require.Equal(s, b.Messages[1:], b.Done)
		require.Equal(s, []string{"a", "c"}, s.left(), "the one batch, and no other")

		b, err = m.RunBatch(s.Context())
		require.NoError(s, err)
		require.Len(s, b.Messages, 1)
		require.Empty(s, b.Done)
		b, err = m.RunBatch(s.Context())
		require.NoError(s, err)
		require.Empty(s, b.Messages, "the others are invisible for longer than a poll waits")
		require.Nil(s, b.Event)

		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		b, err = m.RunBatch(ctx)
		require.NoError(s, err)
		require.Empty(s, b.Messages)
		s.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: sqstest.Error("AccessDenied", "no")})
		_, err = m.RunBatch(s.Context())
		require.ErrorContains(s, err, "lambdatest: mapping: receive: ")
	})
}

func TestMappingWithoutPartialBatches(t *testing.T) {
	t.Parallel()
	onStage(t, func(s stage) {
		s.send("a", "b")
		m := lambdatest.Mapping{Source: s.source, Function: invoker(func([]string, []string) (string, error) { return "", errors.New("no") })}
		require.NoError(s, s.run(m, time.Second))
		require.Len(s, s.left(), 2)
		time.Sleep(30 * time.Second)

		m.Function = invoker(func(_, ids []string) (string, error) {
			return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q}]}`, ids[1]), nil
		})
		require.NoError(s, s.run(m, time.Second))
		require.Empty(s, s.left(), "the trap: what the function says does not count")
	})
}

func TestMappingGathersABatch(t *testing.T) {
	t.Parallel()
	onStage(t, func(s stage) {
		for n := range 25 {
			s.send(strconv.Itoa(n))
		}
		var sizes []int
		m := lambdatest.Mapping{
			Source: s.source, BatchSize: 15,
			Function: invoker(func(bodies, _ []string) (string, error) { sizes = append(sizes, len(bodies)); return "", nil }),
		}
		require.NoError(s, s.run(m, time.Second))
		require.Equal(s, []int{10, 10, 5}, sizes, "without a window, what one receive gives")

		for n := range 40 {
			s.send(strconv.Itoa(n))
		}
		sizes, m.Window = nil, 5*time.Second
		began := time.Now()
		require.NoError(s, s.run(m, 7*time.Second))
		require.Equal(s, []int{15, 15, 10}, sizes)
		require.Equal(s, 7*time.Second, time.Since(began))
		require.Empty(s, s.left())
	})
}

// failing is a queue on which something does not work.
type failing struct {
	*sqstest.EventSource

	records   []json.RawMessage
	deletions error
}

// Receive gives the records, if there are any.
func (f failing) Receive(ctx context.Context, n int) ([]json.RawMessage, error) {
	if f.records != nil {
		return f.records, nil
	}
	return f.EventSource.Receive(ctx, n)
}

// Delete fails.
func (f failing) Delete(context.Context, []string) error { return f.deletions }

func TestMappingEndsWithTheErrorOfItsQueue(t *testing.T) {
	t.Parallel()
	onStage(t, func(s stage) {
		fine := invoker(func([]string, []string) (string, error) { return "", nil })
		s.send("a")
		broken := failing{s.source, nil, errors.New("torn")}
		require.EqualError(s, s.run(lambdatest.Mapping{Source: broken, Function: fine}, time.Minute), "lambdatest: mapping: delete: torn")
		for record, want := range map[string]string{`{"messageId":"a"}`: "without messageId or receiptHandle", `7`: "record: json"} {
			broken.records = []json.RawMessage{json.RawMessage(record)}
			require.ErrorContains(s, s.run(lambdatest.Mapping{Source: broken, Function: fine}, time.Minute), want)
		}
		s.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: sqstest.Error("AccessDenied", "no")})
		err := s.run(lambdatest.Mapping{Source: s.source, Function: fine, Window: time.Second}, time.Minute)
		require.ErrorContains(s, err, "lambdatest: mapping: receive: sqstest: receive from jobs: ")
	})
}

package lambdax_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

const app = "dev-myapp"

// queueEnv is a function behind the queue of an embedded server, whose visibility timeout
// is 10 minutes.
type queueEnv struct {
	*env
	server *sqstest.Server
	client *sqs.Client
	name   string
	handle func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
}

func newQueueEnv(t *testing.T, suffix string, tasks []taskhawk.AnyTask, config lambdax.SQSConfig) *queueEnv {
	t.Helper()
	r := &queueEnv{env: newEnv(t, tasks...), server: sqstest.NewUnstartedServer()}
	t.Cleanup(r.server.Close)
	r.client = r.server.Client()
	naming := func(queue string, priority taskhawk.Priority) string { return sqsx.QueueName(queue, priority) + suffix }
	r.name = naming(app, taskhawk.Default)
	require.NoError(t, sqsx.Provision(t.Context(), r.client, app, sqsx.ProvisionConfig{
		Priorities: []taskhawk.Priority{taskhawk.Default}, Naming: naming, VisibilityTimeout: 10 * time.Minute, MaxReceiveCount: 100,
	}))
	config.PartialBatch, config.Settler = true, must(sqsx.NewSettler(r.client, sqsx.SettlerConfig{}))
	r.handle = must(lambdax.SQS(r.hub, config))
	return r
}

func (r *queueEnv) url() *string { return aws.String(r.server.Queue(r.name).URL) }

// send puts the messages of an event on the queue.
func (r *queueEnv) send(event events.SQSEvent) {
	r.Helper()
	for n, m := range event.Records {
		in := &sqs.SendMessageInput{QueueUrl: r.url(), MessageBody: &m.Body}
		if group := m.Attributes["MessageGroupId"]; group != "" {
			in.MessageGroupId, in.MessageDeduplicationId = &group, aws.String(fmt.Sprint(n))
		}
		_, err := r.client.SendMessage(r.Context(), in)
		require.NoError(r, err)
	}
}

// turn is what a mapping does: it receives, invokes the function with that much time, and
// deletes what the answer does not list. It returns the arguments of the messages that it
// received, as the numbers in their ids.
func (r *queueEnv) turn(timeout time.Duration) (received []string) {
	r.Helper()
	out, err := r.client.ReceiveMessage(r.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: r.url(), MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	require.NoError(r, err)
	var event events.SQSEvent
	for _, m := range out.Messages {
		_, id, _ := strings.Cut(*m.Body, `"id":"i`)
		received = append(received, id[:1])
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body, Attributes: m.Attributes,
			EventSourceARN: "arn:aws:sqs:us-east-1:000000000000:" + r.name, EventSource: "aws:sqs",
		})
	}
	if len(event.Records) == 0 {
		return nil // Lambda does not call a function for nothing
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	response, err := r.handle(ctx, event)
	require.NoError(r, err)
	failed := reported(r.T, response)
	for _, m := range event.Records {
		if !slices.Contains(failed, m.MessageId) {
			_, err := r.client.DeleteMessage(r.Context(), &sqs.DeleteMessageInput{QueueUrl: r.url(), ReceiptHandle: &m.ReceiptHandle})
			require.NoError(r, err)
		}
	}
	return received
}

func TestOutcomesHaveEffect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newQueueEnv(t, "", nil, lambdax.SQSConfig{Backoff: func(int) time.Duration { return 3 * time.Minute }, Concurrency: 9})
		r.send(doing("", "fail", "later", "permanent", "ignore", "goexit"))
		require.Len(t, r.turn(time.Minute), 6)
		require.Equal(t, 3, r.server.Queue(r.name).InFlight)

		time.Sleep(time.Minute + time.Second)
		require.Equal(t, []string{"2"}, r.turn(time.Minute), "RetryAfter counts")
		time.Sleep(2 * time.Minute)
		received := r.turn(time.Minute)
		slices.Sort(received)
		require.Equal(t, []string{"1", "2", "5"}, received, "the backoff, and RetryAfter again, come before the queue's 10 minutes")

		dead := r.server.Queue(r.name + "-DLQ").Messages
		require.Len(t, dead, 1)
		require.Equal(t, "the service is down", dead[0].Attributes["taskhawk_reason"])
		require.Equal(t, "1", dead[0].Attributes["taskhawk_attempt"])
		require.Equal(t, "do", dead[0].Attributes["taskhawk_task"])
		require.Len(t, r.server.Queue(r.name).Messages, 3)
	})
}

func TestWhatWasNotStartedIsGivenBackAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newQueueEnv(t, "", nil, lambdax.SQSConfig{})
		r.send(doing("second", "second", "second", "second"))
		require.Len(t, r.turn(3100*time.Millisecond), 4)
		require.Zero(t, r.server.Queue(r.name).InFlight)
		require.Len(t, r.turn(30*time.Second), 2)
		require.Empty(t, r.server.Queue(r.name).Messages)
		require.Len(t, r.ran, 4, "each once")
	})
}

func TestFIFOOrderOutlivesFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failed := false
		var order []int
		once := taskhawk.New("once", func(_ context.Context, args doArgs) error {
			if args.N == 1 && !failed {
				failed = true
				return taskhawk.RetryAfter(time.Minute, errDown)
			}
			order = append(order, args.N)
			return nil
		})
		r := newQueueEnv(t, ".fifo", []taskhawk.AnyTask{once}, lambdax.SQSConfig{SkipGroupOnError: true})
		event := fifo(doing("", "", "", ""), "a", "a", "a", "b")
		for i := range event.Records {
			event.Records[i].Body = body("once", i, "")
		}
		r.send(event)
		require.Len(t, r.turn(time.Minute), 4)
		require.Equal(t, []int{0, 3}, order)
		require.Empty(t, r.turn(time.Minute), "the group waits with its first message, though the second was given back")
		time.Sleep(time.Minute + time.Second)
		require.Equal(t, []string{"1", "2"}, r.turn(time.Minute))
		require.Equal(t, []int{0, 3, 1, 2}, order)
	})
}

func TestExtendVisibilityOnLambda(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var message events.SQSMessage
		extends := taskhawk.New("extends", func(ctx context.Context, _ doArgs) error {
			message, _ = lambdax.SQSMessageFrom(ctx)
			return taskhawk.ExtendVisibility(ctx, time.Hour)
		})
		r := newQueueEnv(t, "", []taskhawk.AnyTask{extends}, lambdax.SQSConfig{})
		event := doing("")
		event.Records[0].Body = body("extends", 0, "")
		r.send(event)
		require.Len(t, r.turn(time.Minute), 1)
		require.Equal(t, event.Records[0].Body, message.Body)
		require.Equal(t, 1, r.server.Requests(sqstest.OpChangeMessageVisibilityBatch))

		var without error
		other := newEnv(t, taskhawk.New("extends", func(ctx context.Context, _ doArgs) error {
			without = taskhawk.ExtendVisibility(ctx, time.Hour)
			return nil
		}))
		_, err := must(lambdax.SQS(other.hub, lambdax.SQSConfig{}))(t.Context(), event)
		require.NoError(t, err)
		require.ErrorIs(t, without, taskhawk.ErrNoVisibility)
	})
}

// A message that its handler gave back is free, whatever the handler returns: nothing is
// settled by the old receipt, and Lambda is told not to delete it.
func TestGivenBackOnLambda(t *testing.T) {
	t.Parallel()
	for name, result := range map[string]error{"done": nil, "failed": errDown, "permanent": taskhawk.Permanent(errDown)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				task := taskhawk.New("gives", func(ctx context.Context, _ doArgs) error {
					if taskhawk.MetadataFrom(ctx).Attempt > 1 {
						return nil
					}
					require.NoError(t, taskhawk.ExtendVisibility(ctx, 0))
					time.Sleep(time.Second)
					return result
				})
				r := newQueueEnv(t, "", []taskhawk.AnyTask{task}, lambdax.SQSConfig{})
				event := doing("")
				event.Records = event.Records[:1]
				event.Records[0].Body = body("gives", 0, "")
				r.send(event)
				require.Len(t, r.turn(time.Minute), 1)
				queue := r.server.Queue(r.name)
				require.Len(t, queue.Messages, 1)
				require.Zero(t, queue.InFlight, "visible")
				require.Equal(t, 1, r.server.Requests(sqstest.OpChangeMessageVisibilityBatch))
				require.Empty(t, r.server.Queue(sqsx.DeadLetterQueueName(r.name)).Messages)
				require.Len(t, r.turn(time.Minute), 1)
				require.Empty(t, r.server.Queue(r.name).Messages)
			})
		})
	}
}

// brokenSettler fails, and panics.
type brokenSettler struct {
	mu    sync.Mutex
	calls int
}

func (s *brokenSettler) SetVisibility(context.Context, *taskhawk.Delivery, time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	panic(secret)
}

func (s *brokenSettler) DeadLetter(context.Context, *taskhawk.Delivery, taskhawk.DeadLetter) error {
	return errDown
}

func (s *brokenSettler) Delete(context.Context, *taskhawk.Delivery) error { return errDown }

func TestWhatCannotBeSettledIsReported(t *testing.T) {
	t.Parallel()
	r, settler := newEnv(t), &brokenSettler{}
	handle := must(lambdax.SQS(r.hub, lambdax.SQSConfig{PartialBatch: true, Settler: settler}))
	response, err := handle(t.Context(), doing("", "fail", "permanent", "later"))
	require.NoError(t, err)
	require.Equal(t, []string{"m1", "m2", "m3"}, reported(t, response), "what the dead-letter queue did not take stays")
	require.Equal(t, 2, settler.calls)
	require.Equal(t, 3, strings.Count(r.log.String(), "settling failed"))
}

// A service that hangs delays the answer no longer than the margin allows.
func TestAServiceThatHangsDoesNotDelayTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newQueueEnv(t, "", nil, lambdax.SQSConfig{})
		r.send(doing("", "fail", "", ""))
		r.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.Delay(time.Hour)})
		start := time.Now()
		r.turn(10 * time.Second)
		require.LessOrEqual(t, time.Since(start), 9*time.Second)
		time.Sleep(2 * time.Hour)
	})
}

// The same holds where the time is over before all records have started, which are given
// back then.
func TestAServiceThatHangsDoesNotDelayWhatIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newQueueEnv(t, "", nil, lambdax.SQSConfig{})
		r.send(doing("wait", "wait", "wait"))
		r.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.Delay(time.Hour)})
		start := time.Now()
		r.turn(10 * time.Second)
		require.Equal(t, 9*time.Second, time.Since(start))
		time.Sleep(2 * time.Hour)
	})
}

// Ten records that fail share their settling calls, also when they run one after another.
func TestFailuresShareSettlingCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newQueueEnv(t, "", nil, lambdax.SQSConfig{})
		r.send(doing(slices.Repeat([]string{"fail"}, 10)...))
		r.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.Delay(50 * time.Millisecond)})
		start := time.Now()
		require.Len(t, r.turn(time.Minute), 10)
		require.LessOrEqual(t, r.server.Requests(sqstest.OpChangeMessageVisibilityBatch), 2)
		require.Less(t, time.Since(start), 150*time.Millisecond)
		require.Equal(t, 10, r.server.Queue(r.name).InFlight, "hidden for their backoff")
	})
}

// On a FIFO queue too, where groups do not depend on each other: the next of a group waits
// until what failed is settled.
func TestFailuresOfGroupsShareSettlingCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newQueueEnv(t, ".fifo", nil, lambdax.SQSConfig{Concurrency: 1, SkipGroupOnError: true})
		r.send(fifo(doing("fail", "", "fail", "fail", "fail", "fail", "fail", "fail", "fail", "fail"),
			"a", "a", "b", "c", "d", "e", "f", "g", "h", "i"))
		r.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.Delay(50 * time.Millisecond)})
		start := time.Now()
		require.Len(t, r.turn(time.Minute), 10)
		require.LessOrEqual(t, r.server.Requests(sqstest.OpChangeMessageVisibilityBatch), 3)
		require.Less(t, time.Since(start), 200*time.Millisecond)
		require.NotContains(t, r.ran, 1)
	})
}

// What waits behind a record that is done by a dead letter runs after it, and no more
// handlers run than are allowed.
func TestAGroupGoesOnWhenItsLetterIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newQueueEnv(t, ".fifo", nil, lambdax.SQSConfig{Concurrency: 1, SkipGroupOnError: true})
		r.send(fifo(doing("permanent", "second", "second", "permanent", "second"), "a", "a", "a", "b", "b"))
		r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.Delay(500 * time.Millisecond)})
		start := time.Now()
		require.Len(t, r.turn(time.Minute), 5)
		require.GreaterOrEqual(t, time.Since(start), 3*time.Second+500*time.Millisecond, "one handler at a time")
		require.Less(t, time.Since(start), 5*time.Second)
		require.Len(t, r.ran, 5)
		require.Less(t, slices.Index(r.ran, 1), slices.Index(r.ran, 2))
		require.Less(t, slices.Index(r.ran, 0), slices.Index(r.ran, 1))
		require.Less(t, slices.Index(r.ran, 3), slices.Index(r.ran, 4))
		require.Empty(t, r.server.Queue(r.name).Messages)
		require.Len(t, r.server.Queue(strings.TrimSuffix(r.name, ".fifo")+"-DLQ.fifo").Messages, 2)
	})
}

// A dead letter that is stored makes its record done, though the message cannot be
// deleted: Lambda does that.
func TestALetterThatIsStoredMakesItsRecordDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newQueueEnv(t, "", nil, lambdax.SQSConfig{})
		r.send(doing("permanent", "permanent"))
		r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Do: sqstest.Error("AccessDenied", "no")})
		require.Len(t, r.turn(time.Minute), 2)
		require.Empty(t, r.server.Queue(r.name).Messages, "Lambda has deleted them")
		require.Len(t, r.server.Queue(r.name+"-DLQ").Messages, 2)
	})
}

// notingSettler notes the timeouts that it is asked for.
type notingSettler struct {
	taskhawk.Settler

	mu       sync.Mutex
	timeouts []time.Duration
	letters  int
}

func (s *notingSettler) SetVisibility(_ context.Context, _ *taskhawk.Delivery, timeout time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timeouts = append(s.timeouts, timeout)
	return nil
}

func (s *notingSettler) DeadLetter(context.Context, *taskhawk.Delivery, taskhawk.DeadLetter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters++
	return nil
}

func (s *notingSettler) Delete(context.Context, *taskhawk.Delivery) error { return nil }

// SQS hides a message for 12 hours after it was received, and refuses more. It was
// received up to 5 minutes, the longest batching window, before the function has it.
func TestTheLongestRetryLeavesRoomForABatchingWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		settler := &notingSettler{}
		waits := taskhawk.New("waits", func(context.Context, doArgs) error { return taskhawk.RetryAfter(12*time.Hour, errDown) })
		event := doing("")
		event.Records[0].Body = body("waits", 0, "")
		r := newEnv(t, waits)
		_, _, err := r.inTime(time.Minute, event, lambdax.SQSConfig{PartialBatch: true, Settler: settler})
		require.NoError(t, err)
		require.Equal(t, []time.Duration{12*time.Hour - 10*time.Minute - time.Second}, settler.timeouts)
	})
}

// A handler that returns when the answer has left settles nothing: Lambda was told that
// the message failed, and another delivery of it may be running.
func TestALateHandlerSettlesNothing(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"retry": taskhawk.RetryAfter(0, errDown), "dead letter": taskhawk.Permanent(errDown), "other": errDown,
	} {
		for _, ordered := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				settler, returned := &notingSettler{}, false
				late := taskhawk.New("late", func(context.Context, doArgs) error {
					<-time.After(time.Hour) // deaf to its context
					returned = true
					return failure
				})
				event := doing("")
				event.Records[0].Body = body("late", 0, "")
				if ordered {
					event = fifo(event, "a")
				}
				r := newEnv(t, late)
				config := lambdax.SQSConfig{PartialBatch: true, Settler: settler}
				response, _, err := r.inTime(10*time.Second, event, config)
				require.NoError(t, err)
				require.Equal(t, []string{"m0"}, reported(t, response))
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				require.True(t, returned)
				require.Empty(t, settler.timeouts, name)
				require.Zero(t, settler.letters, name)
			})
		}
	}
}

func TestPolicyOfATaskNeedsASettler(t *testing.T) {
	t.Parallel()
	down := func(context.Context, doArgs) error { return errDown }
	r := newEnv(t, taskhawk.New("thrice", down, taskhawk.WithMaxAttempts(3),
		taskhawk.WithBackoff(func(int) time.Duration { return time.Minute })))
	_, err := lambdax.SQS(r.hub, lambdax.SQSConfig{PartialBatch: true})
	require.ErrorContains(t, err, `no Settler: WithMaxAttempts of "thrice" would make no dead letter`)
	_, err = lambdax.SNS(r.hub, lambdax.SNSConfig{})
	require.NoError(t, err, "documented to have no effect")

	settler := &notingSettler{}
	handle := must(lambdax.SQS(r.hub, lambdax.SQSConfig{PartialBatch: true, Settler: settler}))
	event := events.SQSEvent{Records: []events.SQSMessage{message(2, body("thrice", 2, "")), message(3, body("thrice", 3, ""))}}
	for i, count := range []string{"2", "3"} {
		event.Records[i].Attributes = map[string]string{"ApproximateReceiveCount": count}
	}
	response, err := handle(t.Context(), event)
	require.NoError(t, err)
	require.Equal(t, []string{"m2"}, reported(t, response))
	require.Equal(t, []time.Duration{time.Minute}, settler.timeouts)
	require.Equal(t, 1, settler.letters)
}

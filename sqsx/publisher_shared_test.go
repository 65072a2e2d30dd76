package sqsx_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// newFIFO makes an application whose default queue is a FIFO queue.
func newFIFO(t *testing.T) *env {
	t.Helper()
	r := &env{T: t, server: sqstest.NewUnstartedServer()}
	t.Cleanup(r.server.Close)
	r.client = r.server.Client()
	require.NoError(t, sqsx.Provision(t.Context(), r.client, app, sqsx.ProvisionConfig{
		Naming: fifoName, Priorities: []taskhawk.Priority{taskhawk.Default},
	}))
	publisher, err := sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{Naming: fifoName})
	require.NoError(t, err)
	r.number = taskhawk.New[numberArgs]("tests.number", nil)
	r.hub, err = taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{r.number}})
	require.NoError(t, err)
	return r
}

// stored returns the numbers on the queue, in order.
func (r *env) stored(queue string) []int {
	r.Helper()
	var numbers []int
	for _, message := range r.messages(queue) {
		var body struct{ Args []int }
		require.NoError(r, json.Unmarshal([]byte(message.Body), &body))
		numbers = append(numbers, body.Args...)
	}
	return numbers
}

func numbers(n int) []numberArgs {
	args := make([]numberArgs, n)
	for i := range args {
		args[i].N = i
	}
	return args
}

// A group keeps its order if an entry fails for a moment. Entries after one that fails
// for good are held back.
func TestDispatchAllKeepsTheOrderOfAGroup(t *testing.T) {
	t.Parallel()
	queue := fifoName(app, taskhawk.Default)
	for name, c := range map[string]struct {
		code   string
		sender bool
		stored []int
		held   []int
	}{
		"for a moment": {"InternalError", false, []int{0, 1, 2, 3, 4}, nil},
		"for good":     {"InvalidMessageContents", true, []int{0}, []int{2, 3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newFIFO(t)
				r.server.Inject(sqstest.Fault{
					On: sqstest.OpSendMessageBatch, Nth: 2, Do: sqstest.FailEntries(c.code, c.sender, 0),
				})
				_, err := r.number.DispatchAll(t.Context(), numbers(5), taskhawk.WithGroup("g"))
				require.Equal(t, c.stored, r.stored(queue))
				if c.held == nil {
					require.NoError(t, err)
					return
				}
				var batch *taskhawk.BatchError
				require.ErrorAs(t, err, &batch)
				require.NotErrorIs(t, batch.Failed[1], taskhawk.ErrHeldBack)
				for _, i := range c.held {
					require.ErrorIs(t, batch.Failed[i], taskhawk.ErrHeldBack)
				}
			})
		})
	}
}

// Any id may be repeated, also one that SQS refuses as a deduplication id. The queue has
// no deduplication by content.
func TestARepeatWithTheSameIDIsStoredOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newFIFO(t)
		ids := []string{"ok", "order 17", "bestellung-größe", strings.Repeat("x", 129), "a\x00"}
		for range 2 {
			_, err := r.number.DispatchAll(t.Context(), numbers(len(ids)), taskhawk.WithGroup("g"),
				taskhawk.WithIDs(func(i int) string { return ids[i] }))
			require.NoError(t, err)
		}
		require.Equal(t, []int{0, 1, 2, 3, 4}, r.stored(fifoName(app, taskhawk.Default)))
	})
}

// Ten groups share a call, though each of them has one entry in it.
func TestGroupsShareCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newFIFO(t)
		r.server.Inject(sqstest.Fault{Do: sqstest.Delay(50 * time.Millisecond)})
		done := make(chan error)
		for group := range 10 {
			go func() {
				_, err := r.number.DispatchAll(t.Context(), numbers(5), taskhawk.WithGroup(fmt.Sprint(group)))
				done <- err
			}()
		}
		for range 10 {
			require.NoError(t, <-done)
		}
		require.LessOrEqual(t, r.server.Requests(sqstest.OpSendMessageBatch), 12, "of 50 entries")
		require.Len(t, r.stored(fifoName(app, taskhawk.Default)), 50)
	})
}

// A large DispatchAll does not hold up a Dispatch.
func TestDispatchGoesBesideALargeDispatchAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		const call = 20 * time.Millisecond
		r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.Delay(call)})
		done := make(chan error)
		go func() {
			_, err := r.number.DispatchAll(t.Context(), numbers(2000))
			done <- err
		}()
		time.Sleep(3 * call / 2)
		start := time.Now()
		r.dispatch(-1)
		require.LessOrEqual(t, time.Since(start), 2*call+time.Millisecond, "the calls in flight, and the next one")
		require.NoError(t, <-done)
	})
}

// smallEndpoint refuses calls of more than so many bytes, as an older emulator or a proxy
// does.
type smallEndpoint struct {
	sqsx.API

	limit int
}

func (s *smallEndpoint) SendMessageBatch(
	ctx context.Context, in *sqs.SendMessageBatchInput, options ...func(*sqs.Options),
) (*sqs.SendMessageBatchOutput, error) {
	size := 0
	for _, entry := range in.Entries {
		size += len(*entry.MessageBody)
	}
	if size > s.limit {
		return nil, &types.BatchRequestTooLong{}
	}
	return s.API.SendMessageBatch(ctx, in, options...)
}

type textArgs struct{ Text string }

func TestCallsThatAreTooLargeAreSplit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		publisher, err := sqsx.NewPublisher(&smallEndpoint{API: r.client, limit: 256 << 10}, app, sqsx.PublisherConfig{})
		require.NoError(t, err)
		text := taskhawk.New[textArgs]("tests.text", nil)
		_, err = taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{text}})
		require.NoError(t, err)
		args := slices.Repeat([]textArgs{{strings.Repeat("x", 60<<10)}}, 10)
		_, err = text.DispatchAll(t.Context(), args)
		require.NoError(t, err)
		require.Len(t, r.messages(*name(taskhawk.Default)), 10)

		args[3].Text = strings.Repeat("x", 300<<10) // what is too large by itself fails, and nothing else
		_, err = text.DispatchAll(t.Context(), args)
		var batch *taskhawk.BatchError
		require.ErrorAs(t, err, &batch)
		require.Len(t, batch.Failed, 1)
		require.ErrorAs(t, batch.Failed[3], new(*types.BatchRequestTooLong))
		require.Len(t, r.messages(*name(taskhawk.Default)), 19)
	})
}

func TestMaxMessageSizeBoundsCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		publisher, err := sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{MaxMessageSize: 4096})
		require.NoError(t, err)
		outs := make([]*taskhawk.Outgoing, 10)
		for i := range outs {
			outs[i] = &taskhawk.Outgoing{ID: fmt.Sprint(i), Task: "t", Body: strings.Repeat("x", 1000)}
		}
		for _, err := range publisher.PublishBatch(t.Context(), outs) {
			require.NoError(t, err)
		}
		require.Equal(t, 3, r.server.Requests(sqstest.OpSendMessageBatch), "four fit into a call")
		outs[0].Body = strings.Repeat("x", 4096)
		require.ErrorAs(t, publisher.Publish(t.Context(), outs[0]), new(*taskhawk.LimitError))
		for _, size := range []int{-1, 100, 2 << 20} {
			_, err = sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{MaxMessageSize: size})
			require.ErrorContains(t, err, "MaxMessageSize")
		}
		_, err = sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{MaxAttributes: 11})
		require.ErrorContains(t, err, "MaxAttributes 11")
	})
}

func trace(n int) string {
	return fmt.Sprintf("Root=1-5759e988-bd862e3fe1be46a99427279%d;Sampled=1", n)
}

// Each message of a shared call has its own X-Ray trace header.
func TestTraceHeadersArePerMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.Delay(time.Second)})
		done := make(chan struct{})
		for n := range 5 {
			go func() {
				r.dispatch(n, taskhawk.WithHeaders(taskhawk.Headers{"x-amzn-trace-id": trace(n)}))
				done <- struct{}{}
			}()
		}
		for range 5 {
			<-done
		}
		require.LessOrEqual(t, r.server.Requests(sqstest.OpSendMessageBatch), 2)
		url, err := r.client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: name(taskhawk.Default)})
		require.NoError(t, err)
		out, err := r.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: url.QueueUrl, MaxNumberOfMessages: 10,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAWSTraceHeader},
		})
		require.NoError(t, err)
		require.Len(t, out.Messages, 5)
		for _, message := range out.Messages {
			var body struct{ Args []int }
			require.NoError(t, json.Unmarshal([]byte(*message.Body), &body))
			require.Equal(t, trace(body.Args[0]), message.Attributes["AWSTraceHeader"])
		}
	})
}

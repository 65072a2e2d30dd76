package sqsx_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMessageFromGivesTheRawMessage(t *testing.T) {
	t.Parallel()
	text := func(value string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	for name, attributes := range map[string]map[string]types.MessageAttributeValue{
		"none":  nil,
		"texts": {"a": text("1"), "b": text("two")},
		"all types": {
			"a": text("1"), "b": {DataType: aws.String("Number.int"), StringValue: aws.String("2")},
			"c": {DataType: aws.String("Binary"), BinaryValue: []byte{3}},
		},
		"a type with a label": {"a": {DataType: aws.String("String.name"), StringValue: aws.String("1")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var got types.Message
				r := newEnv(t, func(ctx context.Context, _ int) error {
					var ok bool
					got, ok = sqsx.MessageFrom(ctx)
					require.True(t, ok)
					return nil
				})
				body := `{"id":"i","metadata":{"timestamp":1,"version":"1.0"},"task":"tests.number","args":[1]}`
				_, err := r.client.SendMessage(t.Context(), &sqs.SendMessageInput{
					QueueUrl:    aws.String(r.server.Queue(sqsx.QueueName(app, taskhawk.Default)).URL),
					MessageBody: &body, MessageAttributes: attributes,
				})
				require.NoError(t, err)
				r.start(defaultQueue())
				synctest.Wait()
				r.stop()
				require.Equal(t, attributes, got.MessageAttributes)
				require.Equal(t, body, *got.Body)
				require.Equal(t, "1", got.Attributes["ApproximateReceiveCount"])
			})
		})
	}
	_, ok := sqsx.MessageFrom(t.Context())
	require.False(t, ok)
}

func TestExtendVisibility(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var starts int
		var late, tooLong error
		r := newEnv(t, func(ctx context.Context, _ int) error {
			starts++
			for range 3 {
				require.NoError(t, taskhawk.ExtendVisibility(ctx, time.Hour))
				time.Sleep(59 * time.Minute)
			}
			tooLong = taskhawk.ExtendVisibility(ctx, 13*time.Hour)
			late = taskhawk.ExtendVisibility(ctx, 12*time.Hour)
			return nil
		})
		r.dispatch(1)
		r.start(defaultQueue())
		time.Sleep(4 * time.Hour)
		r.stop()
		require.Equal(t, 1, starts)
		require.LessOrEqual(t, r.server.Requests("ChangeMessageVisibilityBatch"), 10, "no heartbeat while the lease is long")
		require.ErrorContains(t, tooLong, "SQS takes 0 to 12h0m0s")
		require.ErrorContains(t, late, "queue TASKHAWK-DEV-MYAPP", "SQS counts 12 h from the receive")
		r.requireEmpty()
	})
}

// Another program deletes the message. The next extension fails, since the message does
// not exist: the worker makes no more extensions.
func TestAMessageThatIsGoneIsALostLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		causes := make(chan error, 1)
		var r *env
		r = newEnv(t, func(ctx context.Context, _ int) error {
			message, _ := sqsx.MessageFrom(ctx)
			_, err := r.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{
				QueueUrl: aws.String(r.server.Queue(sqsx.QueueName(app, taskhawk.Default)).URL), ReceiptHandle: message.ReceiptHandle,
			})
			require.NoError(t, err)
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return context.Cause(ctx)
		})
		r.dispatch(1)
		r.start(sqsx.WorkerConfig{})
		time.Sleep(sqsx.DefaultVisibilityTimeout/2 + time.Second)
		require.ErrorIs(t, <-causes, taskhawk.ErrVisibilityLost, "with the first heartbeat")
		r.stop()
		require.Equal(t, 1, r.server.Requests(sqstest.OpChangeMessageVisibilityBatch), "one heartbeat, and no more")
	})
}

func TestReceiptHandleStaysOutOfErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		worker, err := sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{})
		require.NoError(t, err)
		queue := sqsx.Queues(worker)[0]
		d := &taskhawk.Delivery{Receipt: "not-a-receipt-handle"}
		err = queue.SetVisibility(t.Context(), d, time.Minute)
		require.ErrorIs(t, err, taskhawk.ErrVisibilityLost)
		for _, err := range []error{err, queue.Delete(t.Context(), d)} {
			require.Error(t, err)
			require.NotContains(t, err.Error(), d.Receipt)
			require.NotContains(t, err.Error(), "\n")
		}
	})
}

package sqstest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// restored is a server with what another one holds.
func (f *fixture) restored() *fixture {
	f.Helper()
	snapshot, err := f.Snapshot()
	require.NoError(f, err)
	again := newFixture(f.T)
	require.NoError(f, again.Restore(snapshot))
	second, err := again.Snapshot()
	require.NoError(f, err)
	require.JSONEq(f, string(snapshot), string(second), "what is restored is all that was saved")
	return again
}

func asJSON(f *fixture, value any) string {
	f.Helper()
	text, err := json.Marshal(value)
	require.NoError(f, err)
	return string(text)
}

func TestSnapshotKeepsMessagesAndTheirTimes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		dead := f.queue("dead")
		url := f.queue("jobs", "RedrivePolicy", `{"deadLetterTargetArn":"`+f.Queue("dead").ARN+`","maxReceiveCount":2}`)
		f.send(url, "in flight")
		held := f.receive(url)
		require.Len(f, held, 1)
		f.send(url, "visible", func(in *sqs.SendMessageInput) {
			in.MessageGroupId = aws.String("tenant")
			in.MessageAttributes = map[string]types.MessageAttributeValue{
				"text":  {DataType: aws.String("String"), StringValue: aws.String("v")},
				"bytes": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}},
			}
		})
		f.send(url, "delayed", func(in *sqs.SendMessageInput) { in.DelaySeconds = 60 })
		before := f.Queue("jobs")
		again := f.restored()
		require.Equal(f, asJSON(f, before.Messages), asJSON(f, again.Queue("jobs").Messages))
		require.Equal(f, []string{"dead", "jobs"}, again.QueueNames())
		_, err := again.client.DeleteMessage(f.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: held[0].ReceiptHandle})
		require.NoError(f, err, "receipt handles stay good")
		require.Len(f, again.Queue("jobs").Messages, 2)
		time.Sleep(time.Minute)
		require.Len(f, again.receive(url), 2, "a delay that is over is over")
		for range 2 { // two receives, then the dead-letter queue
			time.Sleep(time.Minute)
			again.receive(url)
		}
		require.Len(f, again.receive(dead), 2)
	})
}

func TestSnapshotOfAFIFOQueueRemembersWhatWasSent(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs.fifo", "FifoQueue", "true")
		send := func(f *fixture, id string) string {
			out := f.send(url, "body", func(in *sqs.SendMessageInput) {
				in.MessageGroupId, in.MessageDeduplicationId = aws.String("g"), aws.String(id)
			})
			return *out.MessageId
		}
		first := send(f, "1")
		deleted := f.receive(url)
		_, err := f.client.DeleteMessage(f.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: deleted[0].ReceiptHandle})
		require.NoError(f, err)
		second := send(f, "2")
		again := f.restored()
		require.Equal(f, first, send(again, "1"))
		require.Equal(f, second, send(again, "2"))
		require.Len(f, again.Queue("jobs.fifo").Messages, 1)
		time.Sleep(5 * time.Minute)
		require.NotEqual(f, first, send(again, "1"))
	})
}

func TestSnapshotKeepsTopics(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		f.queue("jobs")
		topic, err := f.SNSClient().CreateTopic(f.Context(), &sns.CreateTopicInput{Name: aws.String("news")})
		require.NoError(f, err)
		_, err = f.SNSClient().Subscribe(f.Context(), &sns.SubscribeInput{
			TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String(f.Queue("jobs").ARN),
			Attributes: map[string]string{"RawMessageDelivery": "true"},
		})
		require.NoError(f, err)
		again := f.restored()
		require.Equal(f, []string{"news"}, again.TopicNames())
		_, err = again.SNSClient().Publish(f.Context(), &sns.PublishInput{TopicArn: topic.TopicArn, Message: aws.String("hello")})
		require.NoError(f, err)
		require.Equal(f, "hello", again.Queue("jobs").Messages[0].Body)
	})
}

func TestSnapshotKeepsSchedules(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.schedule("often", definition("rate(5 minutes)", url))
		f.schedule("once", definition("at(2000-01-01T00:07:00)", url))
		time.Sleep(6 * time.Minute)
		fired := len(f.Queue("jobs").Messages)
		again := f.restored()
		require.Len(f, again.Queue("jobs").Messages, fired)
		time.Sleep(5 * time.Minute)
		require.Len(f, again.Queue("jobs").Messages, fired+2, "both fire")
		f.restored()
	})
}

func TestRestoreRefusesWhatItCannotRestore(t *testing.T) {
	t.Parallel()
	server := sqstest.NewUnstartedServer()
	t.Cleanup(server.Close)
	require.ErrorContains(t, server.Restore([]byte("{")), "sqstest: restore: unexpected end of JSON input")
	require.EqualError(t, server.Restore([]byte(`{"Version":7}`)), "sqstest: restore: version 7 of the format is not known")
	broken := `{"Version":1,"Queues":[{"Name":"q","Settings":{"RedrivePolicy":"no"}}]}`
	require.ErrorContains(t, server.Restore([]byte(broken)), "sqstest: restore: queue q: ")
	require.Empty(t, server.QueueNames())
	_, err := server.Client().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	require.NoError(t, err)
	snapshot, err := server.Snapshot()
	require.NoError(t, err)
	require.True(t, json.Valid(snapshot))
	require.EqualError(t, server.Restore(snapshot), "sqstest: restore: the server has queues, topics or schedules")
}

func TestSetURLChangesTheURLsOfQueues(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		old := f.queue("jobs")
		f.SetURL("http://taskhawk:9324")
		out, err := f.client.GetQueueUrl(f.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("jobs")})
		require.NoError(f, err)
		require.Equal(f, "http://taskhawk:9324/000000000000/jobs", *out.QueueUrl)
		f.send(old, "the path counts")
		f.send(*out.QueueUrl, "the path counts")
		require.Equal(f, "http://taskhawk:9324/000000000000/late", f.queue("late"))
	})
}

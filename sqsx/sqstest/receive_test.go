package sqstest_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
)

func TestReceiveRanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	cases := map[string]sqs.ReceiveMessageInput{
		"eleven messages":      {MaxNumberOfMessages: 11},
		"minus one message":    {MaxNumberOfMessages: -1},
		"a wait of 21 s":       {WaitTimeSeconds: 21},
		"a wait of -1 s":       {WaitTimeSeconds: -1},
		"a timeout of 43201 s": {VisibilityTimeout: 43_201},
		"a timeout of -1 s":    {VisibilityTimeout: -1},
		"a blank attempt id":   {ReceiveRequestAttemptId: aws.String("a b")},
		"a bad attribute name": {MessageAttributeNames: []string{"a b"}},
	}
	for name, in := range cases {
		in.QueueUrl = &url
		_, err := f.client.ReceiveMessage(t.Context(), &in)
		require.Equal(t, "InvalidParameterValue", code(t, err), name)
	}
	_, err := f.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &url, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"Colour"},
	})
	require.True(t, is[*types.InvalidAttributeName](err))
}

func TestOneMessageIsTheDefault(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	f.send(url, "a")
	f.send(url, "b")
	require.Len(t, f.receive(url, func(in *sqs.ReceiveMessageInput) { in.MaxNumberOfMessages = 0 }), 1)
}

func TestOldestVisibleFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	for i := range 12 {
		f.send(url, strconv.Itoa(i))
	}
	first := f.receive(url)
	require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, bodies(first))
	require.NoError(t, f.changeVisibility(url, first[3].ReceiptHandle, 0))
	require.Equal(t, []string{"3", "10", "11"}, bodies(f.receive(url)))
}

func TestSystemAttributes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs", "VisibilityTimeout", "1")
		sent := time.Now()
		f.send(url, "a", func(in *sqs.SendMessageInput) { in.MessageGroupId = aws.String("tenant") })
		time.Sleep(1500 * time.Millisecond)
		received := time.Now()
		require.Empty(f, f.receiveOne(url).Attributes, "none asked for, none given")
		time.Sleep(2 * time.Second)
		m := f.receiveOne(url, everything)
		require.Equal(f, map[string]string{
			"SenderId":                         "000000000000",
			"SentTimestamp":                    strconv.FormatInt(sent.UnixMilli(), 10),
			"ApproximateReceiveCount":          "2",
			"ApproximateFirstReceiveTimestamp": strconv.FormatInt(received.UnixMilli(), 10),
			"MessageGroupId":                   "tenant",
		}, m.Attributes)
		time.Sleep(2 * time.Second)
		legacy := f.receiveOne(url, func(in *sqs.ReceiveMessageInput) {
			in.AttributeNames = []types.QueueAttributeName{"ApproximateReceiveCount"} //nolint:staticcheck // older clients ask so
			in.MessageSystemAttributeNames = []types.MessageSystemAttributeName{"SenderId", "SequenceNumber"}
		})
		require.Equal(f, map[string]string{"SenderId": "000000000000", "ApproximateReceiveCount": "3"}, legacy.Attributes)
	})
}

func TestMessageAttributesAreThoseAskedFor(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs", "VisibilityTimeout", "1")
		all := map[string]types.MessageAttributeValue{
			"a": text("1"), "bar.x": text("2"), "bar.y": text("3"),
			"raw": {DataType: aws.String("Binary.gif"), BinaryValue: []byte{0, 255}},
		}
		sent := f.send(url, "a", func(in *sqs.SendMessageInput) { in.MessageAttributes = all })
		cases := []struct{ ask, want []string }{
			{nil, nil},
			{[]string{"All"}, []string{"a", "bar.x", "bar.y", "raw"}},
			{[]string{".*"}, []string{"a", "bar.x", "bar.y", "raw"}},
			{[]string{"a", "none"}, []string{"a"}},
			{[]string{"bar.*"}, []string{"bar.x", "bar.y"}},
			{[]string{"A"}, nil},
		}
		for _, c := range cases {
			m := f.receiveOne(url, func(in *sqs.ReceiveMessageInput) { in.MessageAttributeNames = c.ask })
			require.Len(f, m.MessageAttributes, len(c.want), "%v", c.ask)
			for _, name := range c.want {
				require.Equal(f, all[name], m.MessageAttributes[name])
			}
			require.Equal(f, len(c.want) == 0, m.MD5OfMessageAttributes == nil)
			if len(c.want) == len(all) {
				require.Equal(f, sent.MD5OfMessageAttributes, m.MD5OfMessageAttributes)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

func TestInFlightLimit(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		f.LimitInFlight(3)
		url := f.queue("jobs")
		for range 5 {
			f.send(url, "a")
		}
		messages := f.receive(url)
		require.Len(f, messages, 3)
		_, err := f.client.ReceiveMessage(f.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
		require.True(f, is[*types.OverLimit](err), "a short poll fails")
		start := time.Now()
		time.AfterFunc(4*time.Second, func() { f.delete(url, messages[0].ReceiptHandle) })
		require.Len(f, f.receive(url, waiting(20*time.Second)), 1, "a long poll waits")
		require.Equal(f, 4*time.Second, time.Since(start))
		synctest.Wait() // for the answer to the delete
		require.Equal(f, 3, f.Queue("jobs").PeakInFlight)
	})
}

func TestDelays(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs", "DelaySeconds", "10")
		f.send(url, "queue's delay")
		f.send(url, "own delay", func(in *sqs.SendMessageInput) { in.DelaySeconds = 900 })
		require.Equal(f, "2", f.attributes(url)["ApproximateNumberOfMessagesDelayed"])
		require.Empty(f, f.receive(url))
		time.Sleep(10 * time.Second)
		require.Equal(f, []string{"queue's delay"}, bodies(f.receive(url)))
		time.Sleep(890 * time.Second)
		require.Contains(f, bodies(f.receive(url)), "own delay")
	})
}

func TestRetention(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs", "MessageRetentionPeriod", "60", "VisibilityTimeout", "100")
		f.send(url, "visible")
		time.Sleep(30 * time.Second)
		f.send(url, "in flight")
		f.receive(url, func(in *sqs.ReceiveMessageInput) { in.MaxNumberOfMessages = 1 })
		time.Sleep(30 * time.Second)
		require.Len(f, f.Queue("jobs").Messages, 1)
		time.Sleep(30 * time.Second)
		require.Empty(f, f.Queue("jobs").Messages)
	})
}

func TestPurge(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		purge := func() error {
			_, err := f.client.PurgeQueue(f.Context(), &sqs.PurgeQueueInput{QueueUrl: &url})
			return err
		}
		f.send(url, "visible")
		f.send(url, "in flight")
		f.receive(url, func(in *sqs.ReceiveMessageInput) { in.MaxNumberOfMessages = 1 })
		require.NoError(f, purge())
		require.Empty(f, f.Queue("jobs").Messages)
		time.Sleep(59 * time.Second)
		require.True(f, is[*types.PurgeQueueInProgress](purge()))
		time.Sleep(time.Second)
		require.NoError(f, purge())
	})
}

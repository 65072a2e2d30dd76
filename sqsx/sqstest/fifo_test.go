package sqstest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
)

// fifo creates a FIFO queue that deduplicates by content.
func (f *fixture) fifo(name string, attributes ...string) string {
	f.Helper()
	return f.queue(name, append([]string{"FifoQueue", "true", "ContentBasedDeduplication", "true"}, attributes...)...)
}

func inGroup(group string) func(*sqs.SendMessageInput) {
	return func(in *sqs.SendMessageInput) { in.MessageGroupId = &group }
}

func withDeduplicationID(id string) func(*sqs.SendMessageInput) {
	return func(in *sqs.SendMessageInput) { in.MessageDeduplicationId = &id }
}

func TestGroupIsClosedWhileAMessageOfItIsInFlight(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.fifo("jobs.fifo")
		for _, body := range []string{"a1", "a2", "b1", "a3"} {
			f.send(url, body, inGroup(body[:1]))
		}
		two := func(in *sqs.ReceiveMessageInput) { in.MaxNumberOfMessages = 2 }
		first := f.receive(url, two)
		require.Equal(f, []string{"a1", "a2"}, bodies(first), "one receive may take several of a group")
		require.Equal(f, []string{"b1"}, bodies(f.receive(url)), "other groups go on")
		f.delete(url, first[0].ReceiptHandle)
		require.Empty(f, f.receive(url), "a2 is still in flight")
		require.NoError(f, f.changeVisibility(url, first[1].ReceiptHandle, 0))
		require.Equal(f, []string{"a2", "a3"}, bodies(f.receive(url)), "a2 comes back before a3")
	})
}

func TestDeleteOpensTheGroupForAParkedPoll(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.fifo("jobs.fifo")
		f.send(url, "a1", inGroup("a"))
		m := f.receiveOne(url)
		f.send(url, "a2", inGroup("a"))
		time.AfterFunc(3*time.Second, func() { f.delete(url, m.ReceiptHandle) })
		start := time.Now()
		require.Equal(f, []string{"a2"}, bodies(f.receive(url, waiting(20*time.Second))))
		require.Equal(f, 3*time.Second, time.Since(start))
		synctest.Wait() // for the answer to the delete
	})
}

func TestWhatAFIFOQueueDemands(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	plain := f.queue("plain.fifo", "FifoQueue", "true")
	byContent := f.fifo("content.fifo")
	standard := f.queue("standard")
	group, dedup := inGroup("g"), withDeduplicationID("d")
	both := func(in *sqs.SendMessageInput) { group(in); dedup(in) }
	delayed := func(in *sqs.SendMessageInput) { both(in); in.DelaySeconds = 1 }
	long := make([]byte, 129)
	for i := range long {
		long[i] = 'x'
	}
	const invalid = "InvalidParameterValue"
	cases := map[string]struct {
		url    string
		change func(*sqs.SendMessageInput)
		want   string
	}{
		"a group":                       {plain, dedup, "MissingParameter"},
		"a deduplication id":            {plain, group, invalid},
		"both":                          {plain, both, ""},
		"content is enough":             {byContent, group, ""},
		"no delay of one message":       {plain, delayed, invalid},
		"a group of 128 characters":     {byContent, inGroup(string(long)), invalid},
		"a group without spaces":        {byContent, inGroup("a b"), invalid},
		"a group with a name":           {byContent, inGroup(""), invalid},
		"a short deduplication id":      {plain, func(in *sqs.SendMessageInput) { group(in); withDeduplicationID(string(long))(in) }, invalid},
		"standard: no deduplication id": {standard, dedup, invalid},
		"standard: a group is fine":     {standard, group, ""},
	}
	for name, c := range cases {
		require.Equal(t, c.want, f.sendError(c.url, name, c.change), name)
	}
	require.Equal(t, "g", f.Queue("standard").Messages[0].GroupID)
}

func TestDeduplicationLastsFiveMinutes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.fifo("jobs.fifo")
		first := f.send(url, "a", inGroup("g"))
		f.delete(url, f.receiveOne(url).ReceiptHandle)
		time.Sleep(5*time.Minute - time.Nanosecond)
		again := f.send(url, "a", inGroup("h"))
		require.Equal(f, first.MessageId, again.MessageId)
		require.Equal(f, first.SequenceNumber, again.SequenceNumber)
		require.Empty(f, f.receive(url), "holds after the delete, and over groups")
		other := f.send(url, "a", inGroup("g"), withDeduplicationID("other"))
		require.NotEqual(f, first.MessageId, other.MessageId, "an explicit id wins over the content")
		time.Sleep(time.Nanosecond)
		later := f.send(url, "a", inGroup("g"))
		require.NotEqual(f, first.MessageId, later.MessageId)
		require.Greater(f, *later.SequenceNumber, *first.SequenceNumber)
		m := f.receive(url, everything)
		require.Len(f, m, 2)
		require.Equal(f, "other", m[0].Attributes["MessageDeduplicationId"])
		require.Equal(f, *later.SequenceNumber, m[1].Attributes["SequenceNumber"])
	})
}

func TestDeduplicationWithinAGroup(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.fifo("jobs.fifo", "DeduplicationScope", "messageGroup", "FifoThroughputLimit", "perMessageGroupId")
	for _, group := range []string{"a", "b", "a"} {
		f.send(url, "same", inGroup(group))
	}
	require.Len(t, f.Queue("jobs.fifo").Messages, 2)
	require.True(t, is[*types.InvalidAttributeValue](f.setAttribute(url, "DeduplicationScope", "queue")), "per group needs the scope")
}

func TestExpiredHandleOfAFIFOQueue(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.fifo("jobs.fifo")
		f.send(url, "a", inGroup("g"))
		m := f.receiveOne(url)
		time.Sleep(30 * time.Second)
		_, err := f.client.DeleteMessage(f.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
		require.ErrorContains(f, err, "expired")
		require.Len(f, f.Queue("jobs.fifo").Messages, 1)
	})
}

func TestReceiveAttemptCanBeRepeated(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.fifo("jobs.fifo")
		f.send(url, "a", inGroup("a"))
		f.send(url, "b", inGroup("b"))
		attempt := func(id string) func(*sqs.ReceiveMessageInput) {
			return func(in *sqs.ReceiveMessageInput) { in.ReceiveRequestAttemptId = aws.String(id); everything(in) }
		}
		first := f.receive(url, attempt("1"))
		time.Sleep(20 * time.Second)
		second := f.receive(url, attempt("1"))
		require.Equal(f, first, second, "same messages, same handles")
		require.Empty(f, f.receive(url, attempt("2")))
		time.Sleep(29 * time.Second)
		require.Empty(f, f.receive(url), "the visibility timeout began anew")
		f.delete(url, second[0].ReceiptHandle)
		require.Empty(f, f.receive(url, attempt("1")), "one of them is deleted: the id counts as new")
		time.Sleep(6 * time.Minute)
		require.Equal(f, "2", f.receiveOne(url, attempt("1")).Attributes["ApproximateReceiveCount"])
	})
}

func TestDeadLettersOfAFIFOQueue(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		dead := f.fifo("dlq.fifo", "MessageRetentionPeriod", "60")
		url := f.fifo("jobs.fifo", "RedrivePolicy", redriveTo("dlq.fifo", "1"))
		sent := f.send(url, "poison", inGroup("g"))
		f.send(url, "next", inGroup("g"))
		time.Sleep(50 * time.Second)
		poison := f.receiveOne(url, func(in *sqs.ReceiveMessageInput) { in.MaxNumberOfMessages = 1 })
		require.NoError(f, f.changeVisibility(url, poison.ReceiptHandle, 0))
		require.Equal(f, []string{"next"}, bodies(f.receive(url)), "the group goes on")
		time.Sleep(50 * time.Second)
		m := f.receiveOne(dead, everything)
		require.Equal(f, "g", m.Attributes["MessageGroupId"])
		require.Equal(f, *sent.MessageId, m.Attributes["MessageDeduplicationId"])
		time.Sleep(10 * time.Second)
		require.Empty(f, f.Queue("dlq.fifo").Messages, "retention counts from the move")
	})
}

func TestInFlightLimitOfAFIFOQueue(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.LimitInFlight(1)
	url := f.fifo("jobs.fifo")
	f.send(url, "a", inGroup("a"))
	f.send(url, "b", inGroup("b"))
	require.Len(t, f.receive(url), 1)
	require.Empty(t, f.receive(url), "no error on a FIFO queue")
}

package sqstest_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// unchecked turns off the SDK's own check of the MD5.
func unchecked(o *sqs.Options) { o.DisableMessageChecksumValidation = true }

func TestFailedAndOmittedEntries(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fault              sqstest.Fault
		successful, failed []string
		stored             []string
	}{
		"failed":              {sqstest.Fault{Do: sqstest.FailEntries("InternalError", false, 1)}, []string{"0", "2"}, []string{"1"}, []string{"a", "c"}},
		"failed but applied":  {sqstest.Fault{Do: sqstest.FailEntries("InternalError", false, 1), After: true}, []string{"0", "2"}, []string{"1"}, []string{"a", "b", "c"}},
		"all failed":          {sqstest.Fault{Do: sqstest.FailEntries("InternalError", false)}, nil, []string{"0", "1", "2"}, nil},
		"missing":             {sqstest.Fault{Do: sqstest.OmitEntries(0, 2)}, []string{"1"}, nil, []string{"b"}},
		"missing but applied": {sqstest.Fault{Do: sqstest.OmitEntries(0, 2), After: true}, []string{"1"}, nil, []string{"a", "b", "c"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			url := f.queue("jobs")
			c.fault.On = sqstest.OpSendMessageBatch
			f.Inject(c.fault)
			out, err := f.sendBatch(url, entries("a", "b", "c"))
			require.NoError(t, err)
			var successful, failed []string
			for _, e := range out.Successful {
				successful = append(successful, *e.Id)
			}
			for _, e := range out.Failed {
				failed = append(failed, *e.Id)
				require.Equal(t, "InternalError", *e.Code)
				require.False(t, e.SenderFault)
			}
			require.Equal(t, c.successful, successful)
			require.Equal(t, c.failed, failed)
			require.Equal(t, c.stored, bodies(f.receive(url)))
			require.Empty(t, f.ClientErrors())
		})
	}
}

func TestPretend(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.Inject(sqstest.Fault{Queue: "jobs", Do: sqstest.Pretend()})
		f.send(url, "a")
		m := f.receiveOne(url)
		f.delete(url, m.ReceiptHandle)
		require.NoError(f, f.changeVisibility(url, m.ReceiptHandle, time.Hour))
		deleted, err := f.client.DeleteMessageBatch(f.Context(), &sqs.DeleteMessageBatchInput{
			QueueUrl: &url, Entries: []types.DeleteMessageBatchRequestEntry{{Id: aws.String("x"), ReceiptHandle: m.ReceiptHandle}},
		})
		require.NoError(f, err)
		require.Equal(f, "x", *deleted.Successful[0].Id)
		changed, err := f.client.ChangeMessageVisibilityBatch(f.Context(), &sqs.ChangeMessageVisibilityBatchInput{
			QueueUrl: &url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{{Id: aws.String("y"), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 99}},
		})
		require.NoError(f, err)
		require.Len(f, changed.Successful, 1)
		time.Sleep(30 * time.Second)
		require.Equal(f, m.MessageId, f.receiveOne(url).MessageId, "it comes back though it was deleted")
	})
}

func TestCorruptMD5(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	onReceive := f.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.CorruptMD5(1)})
	require.Empty(t, f.receive(url), "an empty receive does not count")
	for _, body := range []string{"a", "b", "c"} {
		f.send(url, body)
	}
	out, err := f.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10}, unchecked)
	require.NoError(t, err)
	require.Equal(t, "00000000000000000000000000000000", *out.Messages[1].MD5OfBody)
	require.NotEqual(t, *out.Messages[1].MD5OfBody, *out.Messages[2].MD5OfBody)
	require.Equal(t, 1, onReceive.Fired())

	f.Inject(sqstest.Fault{On: sqstest.OpSendMessage, Do: sqstest.CorruptMD5()})
	_, err = f.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("d")})
	require.ErrorContains(t, err, "checksum")
	require.Len(t, f.Queue("jobs").Messages, 4, "stored all the same")
	f.delete(url, out.Messages[0].ReceiptHandle)
}

func TestStaleReceipts(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.send(url, "a")
		f.send(url, "b")
		f.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.StaleReceipts(0)})
		messages := f.receive(url)
		require.True(f, is[*types.MessageNotInflight](f.changeVisibility(url, messages[0].ReceiptHandle, time.Minute)))
		f.delete(url, messages[0].ReceiptHandle)
		f.delete(url, messages[1].ReceiptHandle)
		require.Len(f, f.Queue("jobs").Messages, 1)
		require.Equal(f, 1, f.Ledger().Count(sqstest.DeleteIgnored))
		time.Sleep(30 * time.Second)
		f.delete(url, f.receiveOne(url).ReceiptHandle)
		require.Empty(f, f.Queue("jobs").Messages)
	})
}

func TestRedeliver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	f.send(url, "a")
	f.send(url, "b")
	f.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.Redeliver(1)})
	require.Equal(t, []string{"a", "b"}, bodies(f.receive(url)))
	again := f.receive(url, everything)
	require.Equal(t, []string{"b"}, bodies(again))
	require.Equal(t, "2", again[0].Attributes["ApproximateReceiveCount"])
	require.Equal(t, 1, f.Ledger().Count(sqstest.Duplicated))
}

func TestDuplicateInBatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	f.send(url, "a")
	f.send(url, "b")
	f.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.DuplicateInBatch(0)})
	messages := f.receive(url)
	require.Equal(t, []string{"a", "b", "a"}, bodies(messages))
	require.Equal(t, messages[0].MessageId, messages[2].MessageId)
	require.NotEqual(t, messages[0].ReceiptHandle, messages[2].ReceiptHandle)
	f.delete(url, messages[0].ReceiptHandle)
	require.Len(t, f.Queue("jobs").Messages, 2, "the later handle is the good one")
	f.delete(url, messages[2].ReceiptHandle)
	require.Len(t, f.Queue("jobs").Messages, 1)
}

func TestDuplicateInBatchKeepsToTenMessages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	for range 9 {
		f.send(url, "a")
	}
	f.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.DuplicateInBatch()})
	require.Len(t, f.receive(url), 10)
	require.Equal(t, 1, f.Ledger().Count(sqstest.Duplicated))
}

package sqstest_test

import (
	"context"
	"io"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// tries lists queues n times without retries and notes which calls failed.
func (f *fixture) tries(n int) []int {
	client := f.Client(func(o *sqs.Options) { o.RetryMaxAttempts = 1 })
	var failed []int
	for i := range n {
		if _, err := client.ListQueues(f.Context(), &sqs.ListQueuesInput{}); err != nil {
			failed = append(failed, i+1)
		}
	}
	return failed
}

func TestWhichRequestsAFaultActsOn(t *testing.T) {
	t.Parallel()
	down := sqstest.Status(http.StatusServiceUnavailable, "")
	cases := map[string]struct {
		fault sqstest.Fault
		want  []int
	}{
		"every":               {sqstest.Fault{}, []int{1, 2, 3, 4, 5, 6}},
		"every of one":        {sqstest.Fault{On: sqstest.OpListQueues}, []int{1, 2, 3, 4, 5, 6}},
		"every of another":    {sqstest.Fault{On: sqstest.OpSendMessage}, nil},
		"of another queue":    {sqstest.Fault{Queue: "jobs"}, nil},
		"the first":           {sqstest.Fault{Nth: 1}, []int{1}},
		"the third":           {sqstest.Fault{Nth: 3}, []int{3}},
		"the first two":       {sqstest.Fault{Times: 2}, []int{1, 2}},
		"from the third, two": {sqstest.Fault{Nth: 3, Times: 2}, []int{3, 4}},
		"those asked for":     {sqstest.Fault{If: func(r sqstest.Request) bool { return r.Operation == sqstest.OpListQueues }}, []int{1, 2, 3, 4, 5, 6}},
		"none asked for":      {sqstest.Fault{If: func(sqstest.Request) bool { return false }}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			c.fault.Do = down
			injection := f.Inject(c.fault)
			require.Equal(t, c.want, f.tries(6))
			require.Equal(t, len(c.want), injection.Fired())
		})
	}
}

func TestHealing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one := f.Inject(sqstest.Fault{Do: sqstest.Reset()})
	require.Equal(t, []int{1}, f.tries(1))
	one.Remove()
	one.Remove()
	require.Empty(t, f.tries(1))
	f.Inject(sqstest.Fault{Do: sqstest.Reset()})
	f.Inject(sqstest.Fault{Do: sqstest.Reset()})
	f.Heal()
	require.Empty(t, f.tries(1))
	require.Equal(t, 1, one.Fired())
}

func TestWhatAPredicateSees(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	var seen []sqstest.Request
	f.Inject(sqstest.Fault{Do: sqstest.Delay(0), If: func(r sqstest.Request) bool {
		seen = append(seen, r)
		return false
	}})
	_, err := f.sendBatch(url, entries("a", "b"))
	require.NoError(t, err)
	f.tries(1)
	require.Equal(t, "SendMessageBatch", seen[0].Operation)
	require.Equal(t, "jobs", seen[0].Queue)
	require.Equal(t, 2, seen[0].Entries)
	require.Equal(t, "AKIDSQSTEST", seen[0].AccessKeyID)
	require.NotEmpty(t, seen[0].Header.Get("X-Amz-Date"))
	require.Contains(t, string(seen[0].Body), `"MessageBody":"a"`)
	require.Empty(t, seen[1].Queue)
	post(f.Server, "AmazonSQS.ListQueues", "{}")
	require.Empty(t, seen[2].AccessKeyID)
}

func TestAFaultNeedsAnEffect(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Panics(t, func() { f.Inject(sqstest.Fault{On: sqstest.OpSendMessage}) })
}

func TestEffectsHaveNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "reset", sqstest.Reset().String())
	require.Equal(t, "truncate", sqstest.Truncate(1).String())
}

func TestFaultsAddUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	f.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.FailEntries("InternalError", false, 0)})
	f.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.OmitEntries(1)})
	f.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.CorruptMD5()})
	out, err := f.client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries("a", "b", "c")},
		func(o *sqs.Options) { o.DisableMessageChecksumValidation = true })
	require.NoError(t, err)
	require.Len(t, out.Failed, 1)
	require.Len(t, out.Successful, 1)
	require.Equal(t, "2", *out.Successful[0].Id)
	require.Equal(t, "00000000000000000000000000000000", *out.Successful[0].MD5OfMessageBody)
}

func once(o *sqs.Options) { o.RetryMaxAttempts = 1 }

// onBothWays runs a test of wire effects in process and over the loopback.
func onBothWays(t *testing.T, test func(f *fixture)) {
	t.Helper()
	t.Run("in process", func(t *testing.T) {
		t.Parallel()
		test(newFixture(t))
	})
	t.Run("over loopback", func(t *testing.T) {
		t.Parallel()
		server := sqstest.NewServer()
		t.Cleanup(server.Close)
		test(&fixture{T: t, Server: server, client: server.Client()})
	})
}

func TestResetLosesTheRequestOrTheResponse(t *testing.T) {
	t.Parallel()
	onBothWays(t, func(f *fixture) {
		url := f.queue("jobs")
		lost := f.Inject(sqstest.Fault{On: sqstest.OpSendMessage, Nth: 1, Do: sqstest.Reset()})
		_, err := f.client.SendMessage(f.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("a")}, once)
		require.ErrorIs(f, err, syscall.ECONNRESET)
		require.Empty(f, f.Queue("jobs").Messages)
		require.Equal(f, 1, lost.Fired())

		f.Inject(sqstest.Fault{On: sqstest.OpSendMessage, Nth: 1, After: true, Do: sqstest.Reset()})
		_, err = f.client.SendMessage(f.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("a")}, once)
		require.ErrorIs(f, err, syscall.ECONNRESET)
		require.Len(f, f.Queue("jobs").Messages, 1)
	})
}

func TestResetWithoutAConnection(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Inject(sqstest.Fault{Do: sqstest.Reset()})
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { post(f.Server, "AmazonSQS.ListQueues", "{}") })
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	onBothWays(t, func(f *fixture) {
		url := f.queue("jobs")
		f.send(url, "a")
		f.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: sqstest.Truncate(20)})
		_, err := f.client.ReceiveMessage(f.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url}, once)
		require.ErrorIs(f, err, io.ErrUnexpectedEOF)
		require.Equal(f, 1, f.Queue("jobs").InFlight, "the message was taken and no receiver has it")
	})
}

func TestDripEndsWithTheDeadline(t *testing.T) {
	t.Parallel()
	onBothWays(t, func(f *fixture) {
		f.Inject(sqstest.Fault{On: sqstest.OpListQueues, Do: sqstest.Drip(5 * time.Millisecond)})
		f.queue("a-queue-whose-url-is-long-enough")
		ctx, cancel := context.WithTimeout(f.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := f.client.ListQueues(ctx, &sqs.ListQueuesInput{}, once)
		require.ErrorIs(f, err, context.DeadlineExceeded)
	})
}

func TestDripArrivesInTheEnd(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		f.Inject(sqstest.Fault{On: sqstest.OpListQueues, Do: sqstest.Drip(time.Second)})
		start := time.Now()
		_, err := f.client.ListQueues(f.Context(), &sqs.ListQueuesInput{})
		require.NoError(f, err)
		require.Equal(f, 2*time.Second, time.Since(start), "an empty list has two bytes")
	})
}

func TestOversize(t *testing.T) {
	t.Parallel()
	onBothWays(t, func(f *fixture) {
		url := f.queue("jobs")
		f.Inject(sqstest.Fault{On: sqstest.OpListQueues, Do: sqstest.Oversize(3 << 20)})
		out, err := f.client.ListQueues(f.Context(), &sqs.ListQueuesInput{})
		require.NoError(f, err)
		require.Equal(f, []string{url}, out.QueueUrls)
	})
}

func TestStatusIsAnswerOfAProxy(t *testing.T) {
	t.Parallel()
	onBothWays(t, func(f *fixture) {
		f.Inject(sqstest.Fault{Nth: 1, Do: sqstest.Status(502, "<html>bad gateway</html>")})
		_, err := f.client.ListQueues(f.Context(), &sqs.ListQueuesInput{}, once)
		require.ErrorContains(f, err, "502")
		_, err = f.client.ListQueues(f.Context(), &sqs.ListQueuesInput{}, once)
		require.NoError(f, err)
	})
}

func TestSilence(t *testing.T) {
	t.Parallel()
	onBothWays(t, func(f *fixture) {
		f.Inject(sqstest.Fault{On: sqstest.OpListQueues, Do: sqstest.Silence()})
		ctx, cancel := context.WithTimeout(f.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := f.client.ListQueues(ctx, &sqs.ListQueuesInput{})
		require.ErrorIs(f, err, context.DeadlineExceeded)
	})
}

func TestCloseEndsSilenceAndDelays(t *testing.T) {
	t.Parallel()
	for _, effect := range []sqstest.Effect{sqstest.Silence(), sqstest.Delay(time.Hour)} {
		f := newFixture(t)
		injection := f.Inject(sqstest.Fault{Do: effect})
		ended := make(chan error)
		go func() {
			_, err := f.client.ListQueues(t.Context(), &sqs.ListQueuesInput{}, once)
			ended <- err
		}()
		require.Eventually(t, func() bool { return injection.Fired() == 1 }, time.Minute, time.Millisecond)
		f.Close()
		require.Error(t, <-ended)
		_, err := f.client.ListQueues(t.Context(), &sqs.ListQueuesInput{}, once)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
	}
}

func TestDelayBeforeAndAfter(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		before := f.Inject(sqstest.Fault{On: sqstest.OpSendMessage, Do: sqstest.Delay(3 * time.Second)})
		start := time.Now()
		f.send(url, "a")
		require.Equal(f, 3*time.Second, time.Since(start))
		require.True(f, f.Queue("jobs").Messages[0].SentAt.Equal(time.Now()), "applied after the delay")
		before.Remove()
		f.Inject(sqstest.Fault{On: sqstest.OpSendMessage, After: true, Do: sqstest.Delay(3 * time.Second)})
		f.send(url, "b")
		require.True(f, f.Queue("jobs").Messages[1].SentAt.Equal(time.Now().Add(-3*time.Second)), "applied before the delay")
	})
}

func TestErrorAfterTheOperation(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.Inject(sqstest.Fault{On: sqstest.OpSendMessage, After: true, Times: 2, Do: sqstest.Error("InternalError", "lost")})
		f.send(url, "a")
		require.Len(f, f.Queue("jobs").Messages, 3, "two tries of the SDK that looked failed, and one")
		f.Inject(sqstest.Fault{On: sqstest.OpSendMessage, Do: sqstest.ErrorStatus(418, "Teapot", "short")})
		_, err := f.client.SendMessage(f.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("a")})
		require.ErrorContains(f, err, "418")
	})
}

func TestClockSkewIsSeenAndMadeUpForByTheSDK(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		inBubble(t, func(f *fixture) {
			injection := f.Inject(sqstest.Fault{Do: sqstest.ClockSkew(skew)})
			_, err := f.client.ListQueues(f.Context(), &sqs.ListQueuesInput{}, once)
			require.Equal(f, "RequestTimeTooSkewed", code(f.T, err))
			_, err = f.Client().ListQueues(f.Context(), &sqs.ListQueuesInput{})
			require.NoError(f, err, "the second attempt is signed by the server's clock")
			require.Equal(f, 3, injection.Fired())
		})
	}
}

func TestSmallClockSkewIsAccepted(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		f.Inject(sqstest.Fault{Do: sqstest.ClockSkew(4 * time.Minute)})
		_, err := f.client.ListQueues(f.Context(), &sqs.ListQueuesInput{}, once)
		require.NoError(f, err)
	})
}

func TestOrphanPollTakesWhatNobodyGets(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.OrphanPoll()})
		ctx, cancel := context.WithTimeout(f.Context(), time.Second)
		defer cancel()
		_, err := f.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20})
		require.ErrorIs(f, err, context.DeadlineExceeded)
		require.Equal(f, 1, f.Ledger().Audit().ParkedPolls)
		f.send(url, "a")
		time.Sleep(time.Second)
		require.Equal(f, 1, f.Queue("jobs").InFlight)
		require.Zero(f, f.Ledger().Audit().ParkedPolls)
		start := time.Now()
		require.Empty(f, f.receive(url, waiting(20*time.Second)))
		f.receiveOne(url, waiting(20*time.Second))
		require.Equal(f, 29*time.Second, time.Since(start))
	})
}

func TestOrphanPollThatIsNotAbandoned(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: sqstest.OrphanPoll()})
		time.AfterFunc(time.Second, func() { f.send(url, "a") })
		f.receiveOne(url, waiting(20*time.Second))
		synctest.Wait() // for the answer to the send
	})
}

func TestKeysCanExpire(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Inject(sqstest.Fault{
		If: func(r sqstest.Request) bool { return r.AccessKeyID == "AKIDSQSTEST" },
		Do: sqstest.Error("ExpiredToken", "The security token included in the request is expired"),
	})
	_, err := f.client.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	require.Equal(t, "ExpiredToken", code(t, err))
	fresh := f.Client(func(o *sqs.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDFRESH", SecretAccessKey: "s"}, nil
		})
	})
	_, err = fresh.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	require.NoError(t, err)
}

func TestKMSErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	f.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Queue: "jobs", Do: sqstest.Error("KmsAccessDenied", "no")})
	_, err := f.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
	var denied *types.KmsAccessDenied
	require.ErrorAs(t, err, &denied)
}

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

package sqstest_test

import (
	"context"
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

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
		require.Equal(f, 1, f.Queue("jobs").InFlight, "the message was taken and nobody has it")
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
		require.Eventually(t, func() bool { return injection.Fired() == 1 }, time.Second, time.Millisecond)
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

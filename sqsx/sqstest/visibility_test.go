package sqstest_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
)

func TestVisibilityTimeout(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		queue   string
		receive int32
		want    time.Duration
	}{
		"of the queue":   {"30", 0, 30 * time.Second},
		"of the receive": {"30", 7, 7 * time.Second},
		"the longest":    {"43200", 0, 12 * time.Hour},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(f *fixture) {
				url := f.queue("jobs", "VisibilityTimeout", c.queue)
				f.send(url, "a")
				first := f.receiveOne(url, func(in *sqs.ReceiveMessageInput) { in.VisibilityTimeout = c.receive })
				time.Sleep(c.want - time.Nanosecond)
				require.Empty(f, f.receive(url))
				time.Sleep(time.Nanosecond)
				second := f.receiveOne(url)
				require.Equal(f, first.MessageId, second.MessageId)
				require.NotEqual(f, first.ReceiptHandle, second.ReceiptHandle)
			})
		})
	}
}

func TestChangeCountsFromTheCallAndIsForgottenAtTheNextReceive(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs", "VisibilityTimeout", "60")
		f.send(url, "a")
		m := f.receiveOne(url)
		time.Sleep(15 * time.Second)
		require.NoError(f, f.changeVisibility(url, m.ReceiptHandle, 10*time.Second))
		start := time.Now()
		f.receiveOne(url, waiting(20*time.Second))
		require.Equal(f, 10*time.Second, time.Since(start))
		time.Sleep(59 * time.Second)
		require.Empty(f, f.receive(url))
	})
}

func TestChangeToZeroWakesAPoll(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.send(url, "a")
		m := f.receiveOne(url)
		time.AfterFunc(3*time.Second, func() { _ = f.changeVisibility(url, m.ReceiptHandle, 0) })
		start := time.Now()
		f.receiveOne(url, waiting(20*time.Second))
		require.Equal(f, 3*time.Second, time.Since(start))
	})
}

func TestTwelveHoursAtMost(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.send(url, "a")
		m := f.receiveOne(url)
		require.NoError(f, f.changeVisibility(url, m.ReceiptHandle, 12*time.Hour))
		time.Sleep(11 * time.Hour)
		err := f.changeVisibility(url, m.ReceiptHandle, time.Hour+time.Second)
		require.Equal(f, "InvalidParameterValue", code(f.T, err))
		require.ErrorContains(f, err, "beyond the limit [43200 seconds]")
		require.NoError(f, f.changeVisibility(url, m.ReceiptHandle, time.Hour))
		time.Sleep(time.Hour)
		again := f.receiveOne(url)
		require.NoError(f, f.changeVisibility(url, again.ReceiptHandle, 12*time.Hour), "a new receive, new hours")
	})
}

func TestLostLeases(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.send(url, "a")
		first := f.receiveOne(url)
		time.Sleep(30 * time.Second)
		require.True(f, is[*types.MessageNotInflight](f.changeVisibility(url, first.ReceiptHandle, time.Minute)), "visible again")
		second := f.receiveOne(url)
		require.True(f, is[*types.MessageNotInflight](f.changeVisibility(url, first.ReceiptHandle, time.Minute)), "received by another")
		require.NoError(f, f.changeVisibility(url, second.ReceiptHandle, time.Minute))
		f.delete(url, second.ReceiptHandle)
		require.Equal(f, "InvalidParameterValue", code(f.T, f.changeVisibility(url, second.ReceiptHandle, time.Minute)), "deleted")
	})
}

func TestStaleHandleDeletesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.send(url, "a")
		first := f.receiveOne(url)
		time.Sleep(30 * time.Second)
		second := f.receiveOne(url)
		f.delete(url, first.ReceiptHandle)
		require.Equal(f, 1, f.Queue("jobs").InFlight)
		f.delete(url, second.ReceiptHandle)
		require.Empty(f, f.Queue("jobs").Messages)
		f.delete(url, second.ReceiptHandle)
	})
}

func TestLatestHandleDeletesAfterItsTimeout(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.send(url, "a")
		m := f.receiveOne(url)
		time.Sleep(time.Hour)
		f.delete(url, m.ReceiptHandle)
		require.Empty(f, f.Queue("jobs").Messages)
	})
}

func TestHandlesThatWereNeverGiven(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url, other := f.queue("jobs"), f.queue("other")
	f.send(url, "a")
	good := *f.receiveOne(url).ReceiptHandle
	cases := map[string]struct{ url, handle string }{
		"made up":          {url, "bogus"},
		"too short":        {url, "AAAA"},
		"altered":          {url, "A" + good[1:]},
		"of another queue": {other, good},
	}
	for name, c := range cases {
		_, err := f.client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &c.url, ReceiptHandle: &c.handle})
		require.True(t, is[*types.ReceiptHandleIsInvalid](err), "%s: %v", name, err)
		require.NotContains(t, err.Error(), c.handle)
		require.True(t, is[*types.ReceiptHandleIsInvalid](f.changeVisibility(c.url, aws.String(c.handle), 0)), name)
	}
	require.Equal(t, 1, f.Queue("jobs").InFlight)
}

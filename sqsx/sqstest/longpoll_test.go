package sqstest_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

func TestLongPollReturnsEmptyAfterItsWait(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		start := time.Now()
		require.Empty(f, f.receive(url, waiting(20*time.Second)))
		require.Equal(f, 20*time.Second, time.Since(start))
	})
}

func TestQueueSetsTheDefaultWait(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs", "ReceiveMessageWaitTimeSeconds", "7")
		start := time.Now()
		require.Empty(f, f.receive(url))
		require.Equal(f, 7*time.Second, time.Since(start))
	})
}

func TestParkedPollWakes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		prepare func(f *fixture, url string)
		during  func(f *fixture, url string)
		want    time.Duration
	}{
		"on a send": {
			during: func(f *fixture, url string) { f.send(url, "a") },
			want:   5 * time.Second,
		},
		"at the end of a delay": {
			prepare: func(f *fixture, url string) {
				f.send(url, "a", func(in *sqs.SendMessageInput) { in.DelaySeconds = 9 })
			},
			want: 9 * time.Second,
		},
		"at the end of a delay of a message sent meanwhile": {
			during: func(f *fixture, url string) {
				f.send(url, "a", func(in *sqs.SendMessageInput) { in.DelaySeconds = 6 })
			},
			want: 11 * time.Second,
		},
		"when a visibility timeout ends": {
			prepare: func(f *fixture, url string) {
				f.send(url, "a")
				f.receiveOne(url, func(in *sqs.ReceiveMessageInput) { in.VisibilityTimeout = 13 })
			},
			want: 13 * time.Second,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(f *fixture) {
				url := f.queue("jobs")
				if c.prepare != nil {
					c.prepare(f, url)
				}
				if c.during != nil {
					time.AfterFunc(5*time.Second, func() { c.during(f, url) })
				}
				start := time.Now()
				m := f.receiveOne(url, waiting(20*time.Second))
				require.Equal(f, c.want, time.Since(start))
				synctest.Wait() // for the answer to the send
				f.delete(url, m.ReceiptHandle)
			})
		})
	}
}

func TestCancelledPollReturnsAtOnceAndTakesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		ctx, cancel := context.WithTimeout(f.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := f.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20})
		require.ErrorIs(f, err, context.DeadlineExceeded)
		require.Equal(f, 3*time.Second, time.Since(start))
		f.send(url, "a")
		time.Sleep(30 * time.Second)
		require.Equal(f, 1, f.Queue("jobs").Visible)
		require.Zero(f, f.Queue("jobs").Messages[0].Receives)
	})
}

func TestOverLoopback(t *testing.T) {
	t.Parallel()
	server := sqstest.NewServer()
	t.Cleanup(server.Close)
	f := &fixture{T: t, Server: server, client: server.Client()}
	url := f.queue("jobs")
	require.Equal(t, server.URL+"/000000000000/jobs", url)
	var sender sync.WaitGroup
	sender.Go(func() { f.send(url, "a") })
	m := f.receiveOne(url, waiting(20*time.Second))
	sender.Wait() // the message may arrive before the answer to its sender
	require.Equal(t, "a", *m.Body)
	f.delete(url, m.ReceiptHandle)
	require.Empty(t, f.Queue("jobs").Messages)
}

func TestCancelledPollOverLoopback(t *testing.T) {
	t.Parallel()
	server := sqstest.NewServer()
	t.Cleanup(server.Close)
	f := &fixture{T: t, Server: server, client: server.Client()}
	url := f.queue("jobs")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := f.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20})
		ended <- err
	}()
	parked := func(polls int) func() bool {
		return func() bool { return server.Ledger().Audit().ParkedPolls == polls }
	}
	require.Eventually(t, parked(1), time.Minute, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Eventually(t, parked(0), time.Minute, time.Millisecond)
	f.send(url, "a")
	require.Equal(t, 1, server.Queue("jobs").Visible)
}

func TestCloseEndsParkedPolls(t *testing.T) {
	t.Parallel()
	server := sqstest.NewServer()
	f := &fixture{T: t, Server: server, client: server.Client(func(o *sqs.Options) { o.RetryMaxAttempts = 1 })}
	url := f.queue("jobs")
	ended := make(chan error)
	go func() {
		_, err := f.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20})
		ended <- err
	}()
	require.Eventually(t, func() bool { return server.Requests(sqstest.OpReceiveMessage) == 1 }, time.Minute, time.Millisecond)
	server.Close()
	require.Error(t, <-ended)
	require.NotPanics(t, server.Close)
}

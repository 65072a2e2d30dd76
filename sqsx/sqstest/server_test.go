package sqstest_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

func TestStart(t *testing.T) {
	t.Parallel()
	server := sqstest.NewUnstartedServer()
	f := &fixture{T: t, Server: server, client: server.Client()}
	before := f.queue("before")
	server.Start()
	f.client = server.Client()
	f.send(before, "a")
	require.Equal(t, 1, server.Queue("before").Visible, "the old URL is still good")
	require.Equal(t, server.URL+"/000000000000/after", f.queue("after"))
	require.Panics(t, server.Start, "it was started before")
	server.Close()
	require.Panics(t, closedServer().Start, "it was closed before")
}

func closedServer() *sqstest.Server {
	server := sqstest.NewUnstartedServer()
	server.Close()
	return server
}

func TestQueueThatIsNotThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Equal(t, sqstest.Queue{Name: "none"}, f.Queue("none"))
}

func TestSnapshotOfMessages(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.send(url, "in flight")
		m := f.receiveOne(url)
		f.send(url, "delayed", func(in *sqs.SendMessageInput) { in.DelaySeconds = 9 })
		got := f.Queue("jobs")
		require.Equal(f, *m.MessageId, got.Messages[0].ID)
		require.True(f, got.Messages[0].InFlight)
		require.Equal(f, 1, got.Messages[0].Receives)
		require.True(f, got.Messages[1].Delayed)
		require.Equal(f, "9s", got.Messages[1].VisibleAt.Sub(got.Messages[1].SentAt).String())
	})
}

// Many clients at once, over the loopback and in process: every message is
// deleted once.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	onBothWays(t, func(f *fixture) {
		const workers, each = 8, 25
		f.KeyBy(func(body string) string { return body })
		url := f.queue("jobs")
		var group sync.WaitGroup
		for i := range workers {
			group.Go(func() {
				for j := range each {
					body := aws.String(strconv.Itoa(i) + "-" + strconv.Itoa(j))
					_, _ = f.client.SendMessage(f.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: body})
				}
			})
			group.Go(func() { f.drain(url, workers*each) })
		}
		group.Wait()
		audit := f.Ledger().Audit()
		require.Equal(f, workers*each, audit.Deleted)
		require.Equal(f, workers*each, audit.Started)
		require.Zero(f, audit.Repeats+audit.Left+audit.ParkedPolls)
		require.Empty(f, audit.Lost)
		require.Empty(f, f.ClientErrors())
	})
}

// drain receives and deletes until as many messages are deleted as there will be.
func (f *fixture) drain(url string, all int) {
	for f.Ledger().Count(sqstest.Deleted) < all {
		out, err := f.client.ReceiveMessage(f.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
		if err != nil {
			return
		}
		for _, m := range out.Messages {
			f.Ledger().Note(sqstest.Started, *m.Body)
			f.Ledger().Note(sqstest.Succeeded, *m.Body)
			_, _ = f.client.DeleteMessage(f.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
		}
	}
}

// A socket within a bubble would hang without a word.
func TestNewServerRefusesBubbles(t *testing.T) {
	t.Parallel()
	for _, age := range []time.Duration{0, 400 * 24 * time.Hour} { // the clock shows the year 2001 after the second
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(age)
			require.PanicsWithValue(t, "sqstest: a server with a socket hangs within a synctest bubble: use NewUnstartedServer, and its Client or HTTPClient",
				func() { sqstest.NewServer() })
		})
	}
}

// A page of another site could post a form.
func TestServerRefusesWebPages(t *testing.T) {
	t.Parallel()
	server := sqstest.NewServer()
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("Action=ListTopics&Version=2010-03-31"))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", "http://example.com")
	response, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusForbidden, response.StatusCode)
	http.DefaultClient.CloseIdleConnections()
}

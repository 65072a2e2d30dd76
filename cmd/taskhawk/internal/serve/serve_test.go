package serve //nolint:testpackage // the handler has no other way in than a socket

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// page is a handler without a socket, and how to ask it.
type page struct {
	*testing.T

	server *sqstest.Server
	*handler
}

func newPage(t *testing.T, showArgs, local bool) *page {
	t.Helper()
	server := sqstest.NewUnstartedServer()
	t.Cleanup(server.Close)
	return &page{T: t, server: server, handler: newHandler(server, "http://127.0.0.1:9324", showArgs, local)}
}

func (p *page) get(path, host string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(p.Context(), http.MethodGet, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func (p *page) text(path string) string {
	p.Helper()
	response := p.get(path, "127.0.0.1:9324")
	require.Equal(p, http.StatusOK, response.Code)
	return response.Body.String()
}

// RoundTrip sends a request through the handler.
func (p *page) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Host, r.URL.Host = "127.0.0.1:9324", ""
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

func (p *page) client() *sqs.Client {
	return p.server.Client(func(o *sqs.Options) { o.HTTPClient = &http.Client{Transport: p} })
}

func TestPageOfQueuesTopicsAndRequests(t *testing.T) {
	t.Parallel()
	p := newPage(t, false, true)
	require.Contains(t, p.text("/"), "taskhawk provision --app NAME")
	out, err := p.client().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	require.NoError(t, err)
	for range recentExchanges {
		_, err = p.client().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: out.QueueUrl, MessageBody: aws.String("<b>secret</b>")})
		require.NoError(t, err)
	}
	topics := p.server.SNSClient(func(o *sns.Options) { o.HTTPClient = &http.Client{Transport: p} })
	_, err = topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("news")})
	require.NoError(t, err)
	schedules := p.get("/schedules?MaxResults=5", "127.0.0.1:9324")
	require.Equal(t, "application/json", schedules.Header().Get("Content-Type"))
	text := p.text("/")
	require.Contains(t, text, `<td class="n">50</td>`)
	require.Contains(t, text, "<td>GET schedule</td><td>schedules</td>")
	require.Contains(t, text, "<li>news</li>")
	require.Contains(t, text, "<td>CreateTopic</td><td>news</td>")
	require.Equal(t, recentExchanges-2, strings.Count(text, "<td>SendMessage</td><td>jobs</td>"), "the last requests only")
	require.NotContains(t, p.text("/?queue=jobs"), "secret")
	require.Equal(t, int64(recentExchanges+3), p.total())
	p.showArgs = true
	require.Contains(t, p.text("/?queue=jobs"), "&lt;b&gt;secret&lt;/b&gt;")
	require.Equal(t, http.StatusNotFound, p.get("/favicon.ico", "127.0.0.1:9324").Code)
}

func TestErrorsAreOnThePage(t *testing.T) {
	t.Parallel()
	p := newPage(t, false, true)
	var log bytes.Buffer
	p.log = &log
	_, err := p.client().GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("no\x1bne")})
	require.Error(t, err)
	require.Contains(t, p.text("/"), `<td class="n bad">400</td>`)
	require.Regexp(t, `^\d\d:\d\d:\d\d\.\d{3} GetQueueUrl no�ne 400 \S+\n$`, log.String())
}

// A web page could point its own name here, and read what browsers show it.
func TestForeignNamesAreRefused(t *testing.T) {
	t.Parallel()
	p := newPage(t, false, true)
	for host, want := range map[string]int{
		"127.0.0.1:9324": 200, "localhost:9324": 200, "[::1]:9324": 200, "localhost": 200, "evil.example": 403, "evil.example:9324": 403,
	} {
		require.Equal(t, want, p.get("/", host).Code, host)
	}
	p.url = "http://taskhawk:9324"
	require.Equal(t, 200, p.get("/", "taskhawk:9324").Code)
	open := newPage(t, false, false)
	require.Equal(t, 200, open.get("/", "any.example").Code)
}

func TestKeeperSavesAndLoads(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "queues.json")
	p := newPage(t, false, true)
	k := &keeper{server: p.server, file: file}
	require.NoError(t, k.load(), "a file that is not there is made")
	require.FileExists(t, file)
	_, err := p.client().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	require.NoError(t, err)
	require.NoError(t, k.save())
	again := newPage(t, false, true)
	require.NoError(t, (&keeper{server: again.server, file: file}).load())
	require.Equal(t, []string{"jobs"}, again.server.QueueNames())

	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	require.ErrorContains(t, (&keeper{server: newPage(t, false, true).server, file: file}).load(), "queues.json: sqstest: restore: ")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "{", string(content), "what cannot be read is left alone")
	require.Error(t, (&keeper{server: p.server, file: filepath.Join(file, "x")}).load())
	require.NoError(t, (&keeper{server: p.server}).load())
	folder, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, folder, 1, "no temporary file is left")
}

func TestKeeperSavesWhileRequestsComeIn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "queues.json")
	p := newPage(t, false, true)
	k := &keeper{server: p.server, file: file}
	require.NoError(t, k.load())
	ctx, cancel := context.WithCancel(t.Context())
	asked, done := make(chan struct{}), make(chan struct{})
	var created atomic.Bool
	requests, later := int64(0), 0
	go func() {
		defer close(done)
		k.run(ctx, func() int64 {
			requests++
			if created.Load() {
				if later++; later == 2 { // a save that began after it is over
					close(asked)
				}
			}
			return requests
		}, func(err error) { t.Error(err) })
	}()
	_, err := p.client().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	require.NoError(t, err)
	created.Store(true)
	<-asked
	cancel()
	<-done
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), "jobs")
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"0.0.0.0:80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80", "127.0.0.2:80": "127.0.0.2:80"} {
		address, err := net.ResolveTCPAddr("tcp", text)
		require.NoError(t, err)
		require.Equal(t, want, reachable(address))
		require.Equal(t, text == want, isLoopback(address))
	}
	require.False(t, isLoopback(&net.UnixAddr{}))
}

// TestServeSavesAtAStop stops before the second is over in which the file would be written:
// queue, message and schedule are there again.
func TestServeSavesAtAStop(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "queues.json")
	p := newPage(t, false, true)
	k := &keeper{server: p.server, file: file}
	require.NoError(t, k.load())
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- serve(ctx, &program.Program{}, listener, p.server, p.handler, k) }()

	queue, err := p.client().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	require.NoError(t, err)
	_, err = p.client().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("a")})
	require.NoError(t, err)
	const definition = `{"ScheduleExpression":"at(2099-01-01T00:00:00)","FlexibleTimeWindow":{"Mode":"OFF"},"Target":{` +
		`"Arn":"arn:aws:sqs:us-east-1:000000000000:jobs","RoleArn":"arn:aws:iam::000000000000:role/schedules","Input":"{}"}}`
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/schedules/hourly", strings.NewReader(definition))
	r.Header.Set("Content-Type", "application/json")
	r.Host = "127.0.0.1:9324"
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	cancel()
	require.NoError(t, <-done)

	again := newPage(t, false, true)
	require.NoError(t, (&keeper{server: again.server, file: file}).load())
	require.Len(t, again.server.Queue("jobs").Messages, 1)
	require.Contains(t, again.text("/schedules/hourly"), "at(2099-01-01T00:00:00)")
}

package sqscheck_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	app = "dev-myapp"
	// ownQueue and deadOnes are the queues of the default priority.
	ownQueue = "TASKHAWK-DEV-MYAPP"
	deadOnes = "TASKHAWK-DEV-MYAPP-DLQ"
	// arnPrefix begins the ARNs of queues of the embedded server.
	arnPrefix = "arn:aws:sqs:us-east-1:000000000000:"
)

var errTest = errors.New("test error")

// env is an application whose queues exist on an embedded server, in a bubble.
type env struct {
	*testing.T
	server *sqstest.Server
	client *sqs.Client
	urls   map[string]string // of the queues, by name
}

func inEnv(t *testing.T, test func(e *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &env{T: t, server: sqstest.NewUnstartedServer(), urls: map[string]string{}}
		t.Cleanup(e.server.Close)
		e.client = e.server.Client()
		require.NoError(t, sqsx.Provision(t.Context(), e.client, app, sqsx.ProvisionConfig{}))
		e.server.ResetCounts()
		test(e)
	})
}

// url returns the URL of a queue that exists from the start.
func (e *env) url(queue string) *string {
	if e.urls[queue] == "" {
		e.urls[queue] = e.server.Queue(queue).URL
	}
	return aws.String(e.urls[queue])
}

// set sets attributes of a queue, given as name, value, name, value.
func (e *env) set(queue string, pairs ...string) {
	e.Helper()
	attributes := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		attributes[pairs[i]] = pairs[i+1]
	}
	_, err := e.client.SetQueueAttributes(e.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: e.url(queue), Attributes: attributes,
	})
	require.NoError(e, err)
}

// check checks the queue of the default priority, unless config names others.
func (e *env) check(config sqscheck.Config) sqscheck.Report {
	e.Helper()
	if config.Worker.Priorities == nil {
		config.Worker.Priorities = onlyDefault()
	}
	report, err := sqscheck.Check(e.Context(), e.client, app, config)
	require.NoError(e, err)
	return report
}

// send puts n messages on a queue.
func (e *env) send(queue string, n int) {
	e.Helper()
	for range n {
		_, err := e.client.SendMessage(e.Context(), &sqs.SendMessageInput{
			QueueUrl: e.url(queue), MessageBody: aws.String("{}"),
		})
		require.NoError(e, err)
	}
}

// clientThrough returns a client whose requests pass through a function first.
func (e *env) clientThrough(transport func(next http.RoundTripper, r *http.Request) (*http.Response, error)) *sqs.Client {
	next := e.server.HTTPClient().Transport
	return e.server.Client(func(o *sqs.Options) {
		o.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			return transport(next, r)
		})}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func onlyDefault() []taskhawk.Priority { return []taskhawk.Priority{taskhawk.Default} }

func queueOf(priority taskhawk.Priority) string { return sqsx.QueueName(app, priority) }

func deadLettersOf(priority taskhawk.Priority) string {
	return sqsx.DeadLetterQueueName(queueOf(priority))
}

func fifoName(app string, priority taskhawk.Priority) string {
	return sqsx.QueueName(app, priority) + ".fifo"
}

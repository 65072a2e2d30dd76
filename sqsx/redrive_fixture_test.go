package sqsx_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// queueOf and deadLettersOf are the queues of a priority.
func queueOf(priority taskhawk.Priority) string { return sqsx.QueueName(app, priority) }

func deadLettersOf(priority taskhawk.Priority) string {
	return sqsx.DeadLetterQueueName(queueOf(priority))
}

// graveyard is an application with dead letters, in a bubble.
type graveyard struct {
	*testing.T
	server *sqstest.Server
	client *sqs.Client
	urls   map[string]string // of the queues, by name
	buried int
}

func newGraveyard(t *testing.T, config sqsx.ProvisionConfig) *graveyard {
	t.Helper()
	g := &graveyard{T: t, server: sqstest.NewUnstartedServer(), urls: map[string]string{}}
	t.Cleanup(g.server.Close)
	g.client = g.server.Client()
	g.server.KeyBy(func(body string) string { return body })
	require.NoError(t, sqsx.Provision(t.Context(), g.client, app, config))
	g.server.ResetCounts()
	return g
}

func inGraveyard(t *testing.T, test func(g *graveyard)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newGraveyard(t, sqsx.ProvisionConfig{})) })
}

// body is the wire form of a run of a task, with its own id.
func (g *graveyard) body(task string) string {
	g.buried++
	return fmt.Sprintf(`{"id":"%d","metadata":{"priority":"default","timestamp":1,"version":"1.0"},"headers":{},"task":%q,"args":[],"kwargs":{}}`,
		g.buried, task)
}

// bury puts a letter on a dead-letter queue as a worker does.
func (g *graveyard) bury(queue, body string, change ...func(*sqs.SendMessageInput)) {
	g.Helper()
	in := &sqs.SendMessageInput{
		QueueUrl: aws.String(g.url(queue)), MessageBody: &body, MessageAttributes: map[string]types.MessageAttributeValue{},
	}
	for _, c := range change {
		c(in)
	}
	_, err := g.client.SendMessage(g.Context(), in)
	require.NoError(g, err)
}

// url is the URL of a queue that exists from the start.
func (g *graveyard) url(queue string) string {
	if g.urls[queue] == "" {
		g.urls[queue] = g.server.Queue(queue).URL
	}
	return g.urls[queue]
}

// buryTasks puts a letter of each task on the dead-letter queue of the default priority.
func (g *graveyard) buryTasks(tasks ...string) {
	g.Helper()
	for _, task := range tasks {
		g.bury(deadLettersOf(taskhawk.Default), g.body(task))
	}
}

// withAttribute sets a String attribute.
func withAttribute(name, value string) func(*sqs.SendMessageInput) {
	return func(in *sqs.SendMessageInput) {
		in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
}

func (g *graveyard) redrive(config sqsx.RedriveConfig) sqsx.RedriveReport {
	g.Helper()
	report, err := sqsx.Redrive(g.Context(), g.client, app, config)
	require.NoError(g, err)
	return report
}

// onDefault is what a redrive did with the default queue.
func onDefault(report sqsx.RedriveReport) sqsx.QueueRedrive {
	for _, q := range report.Queues {
		if q.Queue == queueOf(taskhawk.Default) {
			return q
		}
	}
	return sqsx.QueueRedrive{}
}

// bodies are those on a queue.
func (g *graveyard) bodies(queue string) []string {
	var bodies []string
	for _, message := range g.server.Queue(queue).Messages {
		bodies = append(bodies, message.Body)
	}
	return bodies
}

// requireDead checks that the default queue has n dead letters, all of which can be
// received.
func (g *graveyard) requireDead(n int) {
	g.Helper()
	dead := g.server.Queue(deadLettersOf(taskhawk.Default))
	require.Equal(g, n, dead.Visible)
	require.Zero(g, dead.InFlight)
}

func (g *graveyard) requireBack(n int) {
	g.Helper()
	require.Len(g, g.server.Queue(queueOf(taskhawk.Default)).Messages, n)
}

// clientThrough is a client whose requests pass through a function first.
func (g *graveyard) clientThrough(transport func(next http.RoundTripper, r *http.Request) (*http.Response, error)) *sqs.Client {
	next := g.server.HTTPClient().Transport
	return g.server.Client(func(o *sqs.Options) {
		o.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) { return transport(next, r) })}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func deleteQueue(url string) *sqs.DeleteQueueInput { return &sqs.DeleteQueueInput{QueueUrl: &url} }

package sqsx_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// earlyAnswers is an HTTP client that refuses batch calls and receives before it has read
// their bodies, and keeps the bodies.
type earlyAnswers struct {
	sqs.HTTPClient

	mu     sync.Mutex
	bodies map[string]io.Reader // by operation
}

func (c *earlyAnswers) Do(req *http.Request) (*http.Response, error) {
	operation := strings.TrimPrefix(req.Header.Get("X-Amz-Target"), "AmazonSQS.")
	if !strings.Contains(operation, "Batch") && operation != "ReceiveMessage" {
		return c.HTTPClient.Do(req)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bodies[operation] = req.Body
	return &http.Response{
		StatusCode: http.StatusForbidden, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.sqs#AccessDenied"}`)),
	}, nil
}

// The SDK closes the body of a request when the answer arrives. If net/http still reads
// the body then, it closes the connection. So the library closes no body early.
func TestRequestBodiesStayOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		early := &earlyAnswers{HTTPClient: r.client.Options().HTTPClient, bodies: map[string]io.Reader{}}
		client := sqs.New(r.client.Options(), func(o *sqs.Options) { o.HTTPClient = early })
		publisher, err := sqsx.NewPublisher(client, app, sqsx.PublisherConfig{})
		require.NoError(t, err)
		require.ErrorContains(t, publisher.Publish(t.Context(), &taskhawk.Outgoing{Task: "t", Body: "a"}), "AccessDenied")
		settler, err := sqsx.NewSettler(client, sqsx.SettlerConfig{})
		require.NoError(t, err)
		d := &taskhawk.Delivery{Queue: *name(taskhawk.Default), Receipt: "r"}
		require.ErrorContains(t, settler.SetVisibility(t.Context(), d, time.Second), "AccessDenied")
		require.ErrorContains(t, settler.Delete(t.Context(), d), "AccessDenied")
		r.client = client
		r.start(sqsx.WorkerConfig{})
		synctest.Wait()
		r.stop()
		for _, operation := range []string{
			"SendMessageBatch", "ChangeMessageVisibilityBatch", "DeleteMessageBatch", "ReceiveMessage",
		} {
			require.Contains(t, early.bodies, operation)
			text, err := io.ReadAll(early.bodies[operation])
			require.NoError(t, err)
			require.Contains(t, string(text), "QueueUrl", operation)
		}
	})
}

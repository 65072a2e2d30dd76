package lambdax_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// topicEnv is an embedded server with the four topics of an application.
type topicEnv struct {
	*testing.T
	*sqstest.Server
	client *sns.Client
	config lambdax.PublisherConfig
}

// onTopics runs a test in a bubble; suffix is that of all topics.
func onTopics(t *testing.T, suffix string, test func(r *topicEnv)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &topicEnv{T: t, Server: sqstest.NewUnstartedServer()}
		t.Cleanup(r.Close)
		r.client = r.SNSClient()
		r.config.Naming = func(queue string, priority taskhawk.Priority) string {
			return lambdax.TopicName(queue, priority) + suffix
		}
		r.config.Account = "000000000000"
		for _, priority := range taskhawk.Priorities() {
			r.create(r.config.Naming(app, priority))
		}
		r.ResetCounts()
		test(r)
	})
}

func (r *topicEnv) create(name string) {
	r.Helper()
	in := &sns.CreateTopicInput{Name: &name, Attributes: map[string]string{}}
	if strings.HasSuffix(name, ".fifo") {
		in.Attributes["FifoTopic"] = "true"
	}
	_, err := r.client.CreateTopic(r.Context(), in)
	require.NoError(r, err)
}

func (r *topicEnv) publisher() *lambdax.Publisher {
	r.Helper()
	p, err := lambdax.NewPublisher(r.client, app, r.config)
	require.NoError(r, err)
	return p
}

// published counts what SNS accepted, by topic.
func (r *topicEnv) published() map[string]int {
	counts := map[string]int{}
	for _, e := range r.Ledger().Events() {
		if e.Kind == sqstest.Published {
			counts[e.Topic]++
		}
	}
	return counts
}

// total is how many messages SNS accepted.
func (r *topicEnv) total() int { return r.Ledger().Count(sqstest.Published) }

// recorded keeps the events that a function gets from a topic.
func (r *topicEnv) recorded(topic string) *[]string {
	r.Helper()
	events := &[]string{}
	arn := r.Register("record", func(_ context.Context, event []byte) error {
		*events = append(*events, string(event))
		return nil
	})
	_, err := r.client.Subscribe(r.Context(), &sns.SubscribeInput{
		TopicArn: aws.String("arn:aws:sns:us-east-1:000000000000:" + topic), Protocol: aws.String("lambda"), Endpoint: &arn,
	})
	require.NoError(r, err)
	return events
}

// outgoing is the n-th message to publish.
func outgoing(n int) *taskhawk.Outgoing {
	return &taskhawk.Outgoing{
		ID: fmt.Sprint("i", n), Task: "do", Priority: taskhawk.Default, Headers: taskhawk.Headers{"h": "v"}, Body: body("do", n, ""),
	}
}

func outgoings(count int) []*taskhawk.Outgoing {
	var outs []*taskhawk.Outgoing
	for n := range count {
		outs = append(outs, outgoing(n))
	}
	return outs
}

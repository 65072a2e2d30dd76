package sqstest_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// snsFixture is a fixture with a client of the server's SNS.
type snsFixture struct {
	*fixture
	topics *sns.Client
}

func newSNSFixture(t *testing.T) *snsFixture {
	t.Helper()
	f := newFixture(t)
	return &snsFixture{fixture: f, topics: f.SNSClient()}
}

// inSNSBubble runs a test in a bubble, where time is virtual.
func inSNSBubble(t *testing.T, test func(f *snsFixture)) {
	t.Helper()
	inBubble(t, func(f *fixture) { test(&snsFixture{fixture: f, topics: f.SNSClient()}) })
}

// pairs makes a map of name, value, name, value.
func pairs(texts []string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(texts); i += 2 {
		out[texts[i]] = texts[i+1]
	}
	return out
}

// topic creates a topic and returns its ARN.
func (f *snsFixture) topic(name string, attributes ...string) string {
	f.Helper()
	out, err := f.topics.CreateTopic(f.Context(), &sns.CreateTopicInput{Name: &name, Attributes: pairs(attributes)})
	require.NoError(f, err)
	return *out.TopicArn
}

// subscribe subscribes a queue, which need not exist, and returns the ARN of the
// subscription.
func (f *snsFixture) subscribe(topic, queue string, attributes ...string) string {
	f.Helper()
	out, err := f.topics.Subscribe(f.Context(), &sns.SubscribeInput{
		TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN(queue)), Attributes: pairs(attributes),
	})
	require.NoError(f, err)
	return *out.SubscriptionArn
}

func queueARN(name string) string { return "arn:aws:sqs:us-east-1:000000000000:" + name }

func (f *snsFixture) publish(topic, message string, change ...func(*sns.PublishInput)) *sns.PublishOutput {
	f.Helper()
	out, err := f.tryPublish(topic, message, change...)
	require.NoError(f, err)
	return out
}

func (f *snsFixture) tryPublish(topic, message string, change ...func(*sns.PublishInput)) (*sns.PublishOutput, error) {
	in := &sns.PublishInput{TopicArn: &topic, Message: &message}
	for _, c := range change {
		c(in)
	}
	return f.topics.Publish(f.Context(), in)
}

// events are the kinds of the events of one kind of thing, in order.
func (f *snsFixture) events(kinds ...sqstest.Kind) []sqstest.Event {
	var out []sqstest.Event
	for _, e := range f.Ledger().Events() {
		for _, kind := range kinds {
			if e.Kind == kind {
				out = append(out, e)
			}
		}
	}
	return out
}

func topicText(value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
}

// requireCode checks the code of an error of the service, and that its text says
// something.
func requireCode(t *testing.T, err error, code, contains string) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, code, api.ErrorCode(), api.ErrorMessage())
	require.Contains(t, api.ErrorMessage(), contains)
}

// decoded reads JSON.
func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &out))
	return out
}

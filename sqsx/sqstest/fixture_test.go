package sqstest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// fixture is a server without a socket, a client of it, and short ways to call
// it. Calls fail the test on an error; the client itself serves tests of errors.
type fixture struct {
	*testing.T
	*sqstest.Server
	client *sqs.Client
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	server := sqstest.NewUnstartedServer()
	t.Cleanup(server.Close)
	return &fixture{T: t, Server: server, client: server.Client()}
}

// inBubble runs a test in a bubble, where time is virtual.
func inBubble(t *testing.T, test func(f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newFixture(t)) })
}

// queue creates a queue with attributes given as name, value, name, value.
func (f *fixture) queue(name string, attributes ...string) string {
	f.Helper()
	in := &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: map[string]string{}}
	for i := 0; i < len(attributes); i += 2 {
		in.Attributes[attributes[i]] = attributes[i+1]
	}
	out, err := f.client.CreateQueue(f.Context(), in)
	require.NoError(f, err)
	return *out.QueueUrl
}

func (f *fixture) send(url, body string, change ...func(*sqs.SendMessageInput)) *sqs.SendMessageOutput {
	f.Helper()
	in := &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}
	for _, c := range change {
		c(in)
	}
	out, err := f.client.SendMessage(f.Context(), in)
	require.NoError(f, err)
	return out
}

// receive asks for up to ten messages without waiting.
func (f *fixture) receive(url string, change ...func(*sqs.ReceiveMessageInput)) []types.Message {
	f.Helper()
	in := &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10}
	for _, c := range change {
		c(in)
	}
	out, err := f.client.ReceiveMessage(f.Context(), in)
	require.NoError(f, err)
	return out.Messages
}

func (f *fixture) receiveOne(url string, change ...func(*sqs.ReceiveMessageInput)) types.Message {
	f.Helper()
	messages := f.receive(url, change...)
	require.Len(f, messages, 1)
	return messages[0]
}

func (f *fixture) delete(url string, receipt *string) {
	f.Helper()
	_, err := f.client.DeleteMessage(f.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: receipt})
	require.NoError(f, err)
}

func (f *fixture) changeVisibility(url string, receipt *string, d time.Duration) error {
	_, err := f.client.ChangeMessageVisibility(f.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: receipt, VisibilityTimeout: int32(d / time.Second),
	})
	return err
}

func (f *fixture) attributes(url string) map[string]string {
	f.Helper()
	out, err := f.client.GetQueueAttributes(f.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	require.NoError(f, err)
	return out.Attributes
}

// waiting makes a receive a long poll.
func waiting(d time.Duration) func(*sqs.ReceiveMessageInput) {
	return func(in *sqs.ReceiveMessageInput) { in.WaitTimeSeconds = int32(d / time.Second) }
}

// everything makes a receive return all attributes.
func everything(in *sqs.ReceiveMessageInput) {
	in.MessageAttributeNames = []string{"All"}
	in.MessageSystemAttributeNames = []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}
}

func bodies(messages []types.Message) []string {
	var out []string
	for _, m := range messages {
		out = append(out, *m.Body)
	}
	return out
}

// redriveTo is the value of a RedrivePolicy.
func redriveTo(name string, maxReceiveCount string) string {
	return `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:` + name + `","maxReceiveCount":` + maxReceiveCount + `}`
}

package iamtest_test

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/internal/iamtest"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const policy = `{"Version":"2012-10-17","Statement":[
	{"Sid":"Queues","Effect":"Allow","Action":["sqs:SendMessage","sqs:PurgeQueue"],"Resource":["arn:aws:sqs:us-east-1:000000000000:jobs*"]},
	{"Sid":"Topics","Effect":"Allow","Action":["sns:Publish"],"Resource":["arn:aws:sns:us-east-1:000000000000:news"]}]}`

func TestGuard(t *testing.T) {
	t.Parallel()
	server := sqstest.NewUnstartedServer()
	t.Cleanup(server.Close)
	urls := map[string]*string{}
	for _, name := range []string{"jobs-high", "other"} {
		out, err := server.Client().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
		require.NoError(t, err)
		urls[name] = out.QueueUrl
	}
	for _, name := range []string{"news", "secrets"} {
		_, err := server.SNSClient().CreateTopic(t.Context(), &sns.CreateTopicInput{Name: &name})
		require.NoError(t, err)
	}
	g, err := iamtest.New(server.HTTPClient().Transport, "000000000000", policy)
	require.NoError(t, err)
	limited := &http.Client{Transport: g}
	queues := server.Client(func(o *sqs.Options) { o.HTTPClient = limited })
	topics := server.SNSClient(func(o *sns.Options) { o.HTTPClient = limited })
	send := func(queue string) error {
		_, err := queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: urls[queue], MessageBody: aws.String("a")})
		return err
	}
	publish := func(topic string) error {
		arn := "arn:aws:sns:us-east-1:000000000000:" + topic
		_, err := topics.Publish(t.Context(), &sns.PublishInput{TopicArn: &arn, Message: aws.String("a")})
		return err
	}
	require.NoError(t, send("jobs-high"))
	require.NoError(t, publish("news"))
	require.Empty(t, g.Denied())
	require.Equal(t, []string{"Queues sqs:PurgeQueue"}, g.Unused())

	require.ErrorContains(t, send("other"), "AccessDeniedException")
	require.ErrorContains(t, publish("secrets"), "AuthorizationError")
	require.Equal(t, []string{
		"sqs:SendMessage arn:aws:sqs:us-east-1:000000000000:other", "sns:Publish arn:aws:sns:us-east-1:000000000000:secrets",
	}, g.Denied())
	require.Empty(t, server.Queue("other").Messages)
}

func TestWhatIsNoPolicyIsRefused(t *testing.T) {
	t.Parallel()
	for text, problem := range map[string]string{
		`{`:                        "unexpected EOF",
		`{"Version":"2008"}`:       "version",
		`{"Version":"2012-10-17"}`: "without statements",
		`{"Version":"2012-10-17","Statement":[{"Condition":{}}]}`: "Condition",
	} {
		_, err := iamtest.New(nil, "", text)
		require.ErrorContains(t, err, problem)
	}
}

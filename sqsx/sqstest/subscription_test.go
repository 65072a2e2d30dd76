package sqstest_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

func TestSubscribe(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic := f.topic("jobs")
	arn := f.subscribe(topic, "jobs", "RawMessageDelivery", "true")
	require.Contains(t, arn, topic+":")
	require.Equal(t, arn, f.subscribe(topic, "jobs"), "once for each endpoint")
	_, err := f.topics.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN("jobs")),
		Attributes: map[string]string{"RawMessageDelivery": "false"},
	})
	requireCode(t, err, "InvalidParameter", "different attributes")
	out, err := f.topics.GetSubscriptionAttributes(t.Context(), &sns.GetSubscriptionAttributesInput{SubscriptionArn: &arn})
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"SubscriptionArn": arn, "TopicArn": topic, "Owner": "000000000000", "Protocol": "sqs", "Endpoint": queueARN("jobs"),
		"ConfirmationWasAuthenticated": "true", "PendingConfirmation": "false", "RawMessageDelivery": "true",
	}, out.Attributes)
}

func TestSubscriptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	standard, fifo := f.topic("jobs"), f.topic("jobs.fifo", "FifoTopic", "true")
	const function = "arn:aws:lambda:us-east-1:000000000000:function:jobs"
	for name, in := range map[string]*sns.SubscribeInput{
		"protocol":       {TopicArn: &standard, Protocol: aws.String("email"), Endpoint: aws.String("a@example.com")},
		"no endpoint":    {TopicArn: &standard, Protocol: aws.String("sqs")},
		"URL":            {TopicArn: &standard, Protocol: aws.String("sqs"), Endpoint: aws.String("http://127.0.0.1/000000000000/jobs")},
		"FIFO queue":     {TopicArn: &standard, Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN("jobs.fifo"))},
		"function":       {TopicArn: &standard, Protocol: aws.String("lambda"), Endpoint: aws.String(queueARN("jobs"))},
		"FIFO, function": {TopicArn: &fifo, Protocol: aws.String("lambda"), Endpoint: aws.String(function)},
		"raw": {
			TopicArn: &standard, Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN("jobs")),
			Attributes: map[string]string{"RawMessageDelivery": "yes"},
		},
		"raw, function": {
			TopicArn: &standard, Protocol: aws.String("lambda"), Endpoint: aws.String(function),
			Attributes: map[string]string{"RawMessageDelivery": "true"},
		},
		"filter": {
			TopicArn: &standard, Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN("jobs")),
			Attributes: map[string]string{"FilterPolicy": "{}"},
		},
		"attribute": {
			TopicArn: &standard, Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN("jobs")),
			Attributes: map[string]string{"Colour": "red"},
		},
		"dead letters": {
			TopicArn: &standard, Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN("jobs")),
			Attributes: map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"x"}`},
		},
		"dead letters of another type": {
			TopicArn: &standard, Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN("jobs")),
			Attributes: map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + queueARN("dead.fifo") + `"}`},
		},
	} {
		_, err := f.topics.Subscribe(t.Context(), in)
		var invalid *types.InvalidParameterException
		require.ErrorAs(t, err, &invalid, name)
	}
	_, err := f.topics.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: aws.String(standard + "x"), Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN("jobs")),
	})
	requireCode(t, err, "NotFound", "Topic")
}

func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic, url := f.topic("jobs"), f.queue("jobs")
	arn := f.subscribe(topic, "jobs")
	f.publish(topic, "a")
	_, err := f.topics.Unsubscribe(t.Context(), &sns.UnsubscribeInput{SubscriptionArn: &arn})
	require.NoError(t, err)
	f.publish(topic, "b")
	require.Len(t, f.receive(url), 1)
	_, err = f.topics.Unsubscribe(t.Context(), &sns.UnsubscribeInput{SubscriptionArn: &arn})
	requireCode(t, err, "NotFound", "Subscription")
	_, err = f.topics.Unsubscribe(t.Context(), &sns.UnsubscribeInput{SubscriptionArn: &topic})
	requireCode(t, err, "InvalidParameter", "SubscriptionArn")
}

func TestListSubscriptionsByTopic(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic := f.topic("jobs")
	for i := range 101 {
		f.subscribe(topic, fmt.Sprintf("jobs-%d", i))
	}
	seen := map[string]bool{}
	pages := sns.NewListSubscriptionsByTopicPaginator(f.topics, &sns.ListSubscriptionsByTopicInput{TopicArn: &topic})
	for n := 0; pages.HasMorePages(); n++ {
		out, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		require.Len(t, out.Subscriptions, []int{100, 1}[n])
		for _, s := range out.Subscriptions {
			seen[*s.Endpoint] = true
			require.Equal(t, "sqs 000000000000 "+topic, *s.Protocol+" "+*s.Owner+" "+*s.TopicArn)
		}
	}
	require.Len(t, seen, 101)

	// "A topic with a MaximumMessageSize above 256 KiB must have 100 or fewer subscriptions".
	_, err := f.topics.SetTopicAttributes(t.Context(), &sns.SetTopicAttributesInput{
		TopicArn: &topic, AttributeName: aws.String("MaximumMessageSize"), AttributeValue: aws.String("262145"),
	})
	requireCode(t, err, "InvalidParameter", "100 subscriptions")
}

// A subscription outlives its queue: what is published then is a client error of the delivery, and discarded.
func TestAQueueThatIsMissing(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic := f.topic("jobs")
	arn := f.subscribe(topic, "none")
	out := f.publish(topic, "a")
	discarded := f.events(sqstest.Discarded)
	require.Len(t, discarded, 1)
	require.Equal(t, "jobs none", discarded[0].Topic+" "+discarded[0].Queue)
	require.Equal(t, *out.MessageId, discarded[0].MessageID)
	require.Contains(t, discarded[0].Reason, "does not exist")

	dead := f.queue("dead")
	_, err := f.topics.SetSubscriptionAttributes(t.Context(), &sns.SetSubscriptionAttributesInput{
		SubscriptionArn: &arn, AttributeName: aws.String("RedrivePolicy"),
		AttributeValue: aws.String(`{"deadLetterTargetArn":"` + queueARN("dead") + `"}`),
	})
	require.NoError(t, err)
	f.publish(topic, "b")
	require.Equal(t, 1, f.Ledger().Count(sqstest.Discarded))
	require.Equal(t, "b", decoded(t, *f.receiveOne(dead).Body)["Message"])
}

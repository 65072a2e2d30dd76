package sqstest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// CreateTopic: "This action is idempotent".
func TestCreateTopic(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	arn := f.topic("jobs", "DisplayName", "a")
	require.Equal(t, "arn:aws:sns:us-east-1:000000000000:jobs", arn)
	require.Equal(t, arn, f.topic("jobs"))
	require.Equal(t, arn, f.topic("jobs", "DisplayName", "a"))
	_, err := f.topics.CreateTopic(t.Context(), &sns.CreateTopicInput{
		Name: aws.String("jobs"), Attributes: map[string]string{"DisplayName": "b"},
	})
	requireCode(t, err, "InvalidParameter", "different attributes")
	require.Equal(t, map[string]int{"InvalidParameter": 1}, f.ClientErrors())
}

func TestTopicsThatCannotBe(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	for name, attributes := range map[string][]string{
		"a b": {}, "a.b": {}, "": {}, "é": {}, strings.Repeat("x", 257): {}, ".fifo": {"FifoTopic", "true"},
		"name.fifo": {}, "fifo": {"FifoTopic", "true"}, "maybe.fifo": {"FifoTopic", "yes"},
		"attribute": {"Colour", "red"}, "size0": {"MaximumMessageSize", "1023"}, "size1": {"MaximumMessageSize", "1048577"},
		"size2": {"MaximumMessageSize", "big"}, "standard": {"ContentBasedDeduplication", "true"},
		"scope": {"FifoThroughputScope", "Topic"}, "policy": {"Policy", "[]"}, "signature": {"SignatureVersion", "3"},
		"trace": {"TracingConfig", "On"}, "scope.fifo": {"FifoTopic", "true", "FifoThroughputScope", "Queue"},
		"trace.fifo": {"FifoTopic", "true", "TracingConfig", "Active"}, "long": {"DisplayName", strings.Repeat("x", 101)},
	} {
		_, err := f.topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: &name, Attributes: pairs(attributes)})
		var invalid *types.InvalidParameterException
		require.ErrorAs(t, err, &invalid, name)
	}
	list, err := f.topics.ListTopics(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, list.Topics)
}

func TestTagsOfATopic(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	create := func(tags ...types.Tag) error {
		_, err := f.topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("jobs"), Tags: tags})
		return err
	}
	tag := types.Tag{Key: aws.String("team"), Value: aws.String("")}
	require.NoError(t, create(tag))
	requireCode(t, create(tag, tag), "InvalidParameter", "Duplicated")
	requireCode(t, create(types.Tag{Key: aws.String(""), Value: aws.String("")}), "InvalidParameter", "1 to 128")
}

func TestTopicAttributes(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	arn := f.topic("jobs.fifo", "FifoTopic", "true")
	get := func() map[string]string {
		out, err := f.topics.GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: &arn})
		require.NoError(t, err)
		return out.Attributes
	}
	set := func(name, value string) error {
		_, err := f.topics.SetTopicAttributes(t.Context(), &sns.SetTopicAttributesInput{
			TopicArn: &arn, AttributeName: &name, AttributeValue: &value,
		})
		return err
	}
	require.Equal(t, map[string]string{
		"TopicArn": arn, "Owner": "000000000000", "DisplayName": "", "FifoTopic": "true", "ContentBasedDeduplication": "false",
		"FifoThroughputScope": "Topic", "SubscriptionsConfirmed": "0", "SubscriptionsPending": "0", "SubscriptionsDeleted": "0",
	}, get(), `MaximumMessageSize is returned "only if you explicitly set it"`)
	require.NoError(t, set("MaximumMessageSize", "1048576"))
	require.NoError(t, set("ContentBasedDeduplication", "true"))
	gone := f.subscribe(arn, "a.fifo")
	f.subscribe(arn, "b.fifo")
	_, err := f.topics.Unsubscribe(t.Context(), &sns.UnsubscribeInput{SubscriptionArn: &gone})
	require.NoError(t, err)
	attributes := get()
	require.Equal(t, "1048576", attributes["MaximumMessageSize"])
	require.Equal(t, "true", attributes["ContentBasedDeduplication"])
	require.Equal(t, "1", attributes["SubscriptionsConfirmed"])
	require.Equal(t, "1", attributes["SubscriptionsDeleted"])
	requireCode(t, set("FifoTopic", "true"), "InvalidParameter", "AttributeName")
	requireCode(t, set("MaximumMessageSize", "0"), "InvalidParameter", "MaximumMessageSize")
}

func TestTopicsThatAreNotThere(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	arn := f.topic("jobs")
	_, err := f.topics.DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: &arn})
	require.NoError(t, err)
	_, err = f.topics.DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: &arn})
	require.NoError(t, err, "DeleteTopic is idempotent")
	_, err = f.tryPublish(arn, "a")
	var missing *types.NotFoundException
	require.ErrorAs(t, err, &missing)
	_, err = f.topics.GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: &arn})
	require.ErrorAs(t, err, &missing)
	_, err = f.tryPublish("arn:aws:sns:us-east-1:111111111111:jobs", "a")
	require.ErrorAs(t, err, &missing)
	for _, bad := range []string{"jobs", "arn:aws:sqs:us-east-1:000000000000:jobs", "arn:aws:sns:us-east-1:000000000000:jobs:x"} {
		_, err = f.tryPublish(bad, "a")
		requireCode(t, err, "InvalidParameter", "TopicArn")
	}
	_, err = f.topics.DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: aws.String("jobs")})
	requireCode(t, err, "InvalidParameter", "TopicArn")
}

// ListTopics: "Each call returns a limited list of topics, up to 100".
func TestListTopics(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	for i := range 101 {
		f.topic(fmt.Sprintf("jobs-%03d", i))
	}
	var arns []string
	pages := sns.NewListTopicsPaginator(f.topics, &sns.ListTopicsInput{})
	for n := 0; pages.HasMorePages(); n++ {
		out, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		require.Len(t, out.Topics, []int{100, 1}[n])
		for _, topic := range out.Topics {
			arns = append(arns, *topic.TopicArn)
		}
	}
	require.Len(t, arns, 101)
	require.Equal(t, "arn:aws:sns:us-east-1:000000000000:jobs-100", arns[100])
	_, err := f.topics.ListTopics(t.Context(), &sns.ListTopicsInput{NextToken: aws.String("?")})
	requireCode(t, err, "InvalidParameter", "token")
}

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

	// "A topic with a MaximumMessageSize above 256 KiB must have 100 or fewer
	// subscriptions".
	_, err := f.topics.SetTopicAttributes(t.Context(), &sns.SetTopicAttributesInput{
		TopicArn: &topic, AttributeName: aws.String("MaximumMessageSize"), AttributeValue: aws.String("262145"),
	})
	requireCode(t, err, "InvalidParameter", "100 subscriptions")
}

// A subscription outlives its queue: what is published then is a client error of the
// delivery, and discarded.
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

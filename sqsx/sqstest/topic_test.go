package sqstest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/stretchr/testify/require"
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

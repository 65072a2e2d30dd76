package sqstest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

func TestRefusedPublications(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic, fifo := f.topic("jobs"), f.topic("jobs.fifo", "FifoTopic", "true")
	for name, c := range map[string]struct {
		in         sns.PublishInput
		code, text string
	}{
		"empty":             {sns.PublishInput{Message: aws.String("")}, "InvalidParameter", "Empty"},
		"control character": {sns.PublishInput{Message: aws.String("a\x00")}, "InvalidParameter", "XML"},
		"too long":          {sns.PublishInput{Message: aws.String(strings.Repeat("x", 262_145))}, "InvalidParameter", "too long"},
		"subject":           {sns.PublishInput{Message: aws.String("a"), Subject: aws.String("a\nb")}, "InvalidParameter", "Subject"},
		"phone":             {sns.PublishInput{Message: aws.String("a"), PhoneNumber: aws.String("+1")}, "InvalidParameter", "topics only"},
		"deduplication": {
			sns.PublishInput{Message: aws.String("a"), MessageDeduplicationId: aws.String("d")}, "InvalidParameter", "topic type",
		},
		"group": {sns.PublishInput{Message: aws.String("a"), MessageGroupId: aws.String("a b")}, "InvalidParameter", "MessageGroupId"},
		"structure": {
			sns.PublishInput{Message: aws.String("{}"), MessageStructure: aws.String("json")}, "InvalidParameter", "No default",
		},
		"no JSON": {
			sns.PublishInput{Message: aws.String("x"), MessageStructure: aws.String("json")}, "InvalidParameter", "failed to parse",
		},
		"unknown structure": {
			sns.PublishInput{Message: aws.String("{}"), MessageStructure: aws.String("xml")}, "InvalidParameter", "MessageStructure",
		},
		"FIFO without group": {
			sns.PublishInput{TopicArn: &fifo, Message: aws.String("a"), MessageDeduplicationId: aws.String("d")},
			"InvalidParameter", "MessageGroupId parameter is required",
		},
		"FIFO without deduplication": {
			sns.PublishInput{TopicArn: &fifo, Message: aws.String("a"), MessageGroupId: aws.String("g")},
			"InvalidParameter", "ContentBasedDeduplication",
		},
	} {
		if c.in.TopicArn == nil && c.in.PhoneNumber == nil {
			c.in.TopicArn = &topic
		}
		_, err := f.topics.Publish(t.Context(), &c.in)
		requireCode(t, err, c.code, c.text)
		require.Error(t, err, name)
	}
	require.Zero(t, f.Ledger().Count(sqstest.Published))
}

// "Amazon SNS message attributes": names, types, values.
func TestRefusedAttributesOfPublications(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic := f.topic("jobs")
	value := func(kind, text string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: &kind, StringValue: &text}
	}
	for name, attribute := range map[string]types.MessageAttributeValue{
		"a b": topicText("x"), "AWS.x": topicText("x"), "amazon.x": topicText("x"), ".a": topicText("x"), "a.": topicText("x"), "a..b": topicText("x"),
		strings.Repeat("x", 257): topicText("x"), "empty": topicText(""), "none": {DataType: aws.String("String")}, "control": topicText("\x01"),
		"type": value("Text", "x"), "label": value("String.label", "x"), "number": value("Number", "one"),
		"array": value("String.Array", "x"), "object": value("String.Array", "[{}]"), "null": value("String.Array", "null"),
		"binary": {DataType: aws.String("Binary"), StringValue: aws.String("x")},
		"text":   {DataType: aws.String("String"), BinaryValue: []byte("x")},
	} {
		_, err := f.tryPublish(topic, "a", func(in *sns.PublishInput) {
			in.MessageAttributes = map[string]types.MessageAttributeValue{name: attribute}
		})
		var invalid *types.InvalidParameterValueException
		require.ErrorAs(t, err, &invalid, name)
	}
}

// "By default, the maximum allowed individual message size and the maximum total payload size are both 256 KiB".
func TestSizesOfPublications(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic, url := f.topic("jobs"), f.queue("jobs")
	f.subscribe(topic, "jobs", "RawMessageDelivery", "true")
	attribute := func(in *sns.PublishInput) {
		in.MessageAttributes = map[string]types.MessageAttributeValue{"n": topicText("v")}
	}
	f.publish(topic, strings.Repeat("x", 262_144))
	f.publish(topic, strings.Repeat("x", 262_144-len("nStringv")), attribute)
	_, err := f.tryPublish(topic, strings.Repeat("x", 262_145-len("nStringv")), attribute)
	requireCode(t, err, "InvalidParameter", "too long")
	_, err = f.topics.SetTopicAttributes(t.Context(), &sns.SetTopicAttributesInput{
		TopicArn: &topic, AttributeName: aws.String("MaximumMessageSize"), AttributeValue: aws.String("1048576"),
	})
	require.NoError(t, err)
	f.publish(topic, strings.Repeat("x", 1<<20))
	_, err = f.tryPublish(topic, strings.Repeat("x", 1<<20+1))
	requireCode(t, err, "InvalidParameter", "too long")
	require.Len(t, f.receive(url), 3)
}

func batch(topic string, entries ...types.PublishBatchRequestEntry) *sns.PublishBatchInput {
	return &sns.PublishBatchInput{TopicArn: &topic, PublishBatchRequestEntries: entries}
}

func entry(id, message string) types.PublishBatchRequestEntry {
	return types.PublishBatchRequestEntry{Id: &id, Message: &message}
}

func TestPublishBatch(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic, url := f.topic("jobs"), f.queue("jobs")
	f.subscribe(topic, "jobs", "RawMessageDelivery", "true")
	bad := entry("b", "x")
	bad.MessageAttributes = map[string]types.MessageAttributeValue{"n": topicText("")}
	out, err := f.topics.PublishBatch(t.Context(), batch(topic, entry("a", "1"), bad, entry("c", "3")))
	require.NoError(t, err)
	require.Len(t, out.Successful, 2)
	require.Equal(t, "a", *out.Successful[0].Id)
	require.NotEmpty(t, *out.Successful[0].MessageId)
	require.Nil(t, out.Successful[0].SequenceNumber)
	require.Len(t, out.Failed, 1)
	require.Equal(t, "b ParameterValueInvalid", *out.Failed[0].Id+" "+*out.Failed[0].Code)
	require.True(t, out.Failed[0].SenderFault)
	require.Equal(t, []string{"1", "3"}, bodies(f.receive(url)))
	require.Equal(t, 2, f.Ledger().Count(sqstest.Published))
	require.Equal(t, 1, f.Requests(sqstest.OpPublishBatch))
	require.Equal(t, map[string]int{"ParameterValueInvalid": 1}, f.ClientErrors())
}

func TestRefusedBatchesOfPublications(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic := f.topic("jobs")
	half := strings.Repeat("x", 131_073)
	for code, entries := range map[string][]types.PublishBatchRequestEntry{
		"EmptyBatchRequest":        {},
		"BatchEntryIdsNotDistinct": {entry("a", "1"), entry("a", "2")},
		"InvalidBatchEntryId":      {entry("a b", "1")},
		"BatchRequestTooLong":      {entry("a", half), entry("b", half)},
		"TooManyEntriesInBatchRequest": {
			entry("0", "x"), entry("1", "x"), entry("2", "x"), entry("3", "x"), entry("4", "x"), entry("5", "x"),
			entry("6", "x"), entry("7", "x"), entry("8", "x"), entry("9", "x"), entry("10", "x"),
		},
	} {
		_, err := f.topics.PublishBatch(t.Context(), batch(topic, entries...))
		requireCode(t, err, code, "")
	}
	require.Zero(t, f.Ledger().Count(sqstest.Published))
}

// Publish: "subsequent messages within the deduplication scope and interval, with the same MessageDeduplicationId, are accepted
// successfully but aren't delivered".
func TestFIFOTopics(t *testing.T) {
	t.Parallel()
	inSNSBubble(t, func(f *snsFixture) {
		topic, url := f.topic("jobs.fifo", "FifoTopic", "true", "ContentBasedDeduplication", "true"), f.queue("jobs.fifo", "FifoQueue", "true")
		f.subscribe(topic, "jobs.fifo", "RawMessageDelivery", "true")
		in := func(group, id string) func(*sns.PublishInput) {
			return func(in *sns.PublishInput) {
				in.MessageGroupId = &group
				if id != "" {
					in.MessageDeduplicationId = &id
				}
			}
		}
		first := f.publish(topic, "1", in("g", "d"))
		again := f.publish(topic, "other", in("h", "d"))
		require.Equal(f, *first.MessageId, *again.MessageId)
		require.Equal(f, *first.SequenceNumber, *again.SequenceNumber)
		second := f.publish(topic, "2", in("g", ""))
		f.publish(topic, "2", in("g", ""))
		require.Greater(f, *second.SequenceNumber, *first.SequenceNumber)
		time.Sleep(5*time.Minute - time.Second)
		f.publish(topic, "1", in("g", "d"))
		time.Sleep(time.Second)
		f.publish(topic, "3", in("g", "d"))
		messages := f.receive(url, everything)
		require.Equal(f, []string{"1", "2", "3"}, bodies(messages))
		require.Equal(f, "g d", messages[0].Attributes["MessageGroupId"]+" "+messages[0].Attributes["MessageDeduplicationId"])
		require.Len(f, messages[1].Attributes["MessageDeduplicationId"], 64, "of the content")
		require.Equal(f, 3, f.Ledger().Count(sqstest.Published))
		require.Len(f, f.events(sqstest.Deduplicated), 3)
	})
}

func TestDeduplicationWithinAGroupOfATopic(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic := f.topic("jobs.fifo", "FifoTopic", "true", "FifoThroughputScope", "MessageGroup")
	for _, group := range []string{"g", "h", "g"} {
		f.publish(topic, "x", func(in *sns.PublishInput) { in.MessageGroupId, in.MessageDeduplicationId = &group, aws.String("d") })
	}
	require.Equal(t, 2, f.Ledger().Count(sqstest.Published))
}

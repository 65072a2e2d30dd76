package sqstest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
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

// "By default, the maximum allowed individual message size and the maximum total payload
// size are both 256 KiB".
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

// Publish: "subsequent messages within the deduplication scope and interval, with the
// same MessageDeduplicationId, are accepted successfully but aren't delivered".
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

// eachType gives a message one attribute of each type.
func eachType(in *sns.PublishInput) {
	in.MessageAttributes = map[string]types.MessageAttributeValue{
		"text":   topicText("a<b"),
		"number": {DataType: aws.String("Number"), StringValue: aws.String("1")},
		"array":  {DataType: aws.String("String.Array"), StringValue: aws.String(`["x",1,true,null]`)},
		"bytes":  {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1}},
	}
}

func TestNotification(t *testing.T) {
	t.Parallel()
	inSNSBubble(t, func(f *snsFixture) {
		topic, url := f.topic("jobs"), f.queue("jobs")
		subscription := f.subscribe(topic, "jobs")
		out := f.publish(topic, `{"a":"<é>"}`, eachType, func(in *sns.PublishInput) { in.Subject = aws.String("s") })
		message := f.receiveOne(url, everything)
		require.Empty(f, message.MessageAttributes)
		require.Contains(f, *message.Body, `"Message": "{\"a\":\"<é>\"}"`)
		require.Equal(f, map[string]any{
			"Type": "Notification", "MessageId": *out.MessageId, "TopicArn": topic, "Subject": "s", "Message": `{"a":"<é>"}`,
			"Timestamp": "2000-01-01T00:00:00.000Z", "SignatureVersion": "1", "Signature": "EXAMPLE",
			"SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0000000000000000000000000000000.pem",
			"UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=" + subscription,
			"MessageAttributes": map[string]any{
				"text":   map[string]any{"Type": "String", "Value": "a<b"},
				"number": map[string]any{"Type": "Number", "Value": "1"},
				"array":  map[string]any{"Type": "String.Array", "Value": `["x",1,true,null]`},
				"bytes":  map[string]any{"Type": "Binary", "Value": "AAE="},
			},
		}, decoded(f.T, *message.Body))
	})
}

func TestRawDelivery(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic, url := f.topic("jobs"), f.queue("jobs")
	f.subscribe(topic, "jobs", "RawMessageDelivery", "true")
	f.publish(topic, "a", eachType)
	message := f.receiveOne(url, everything)
	require.Equal(t, "a", *message.Body)
	require.Len(t, message.MessageAttributes, 4)
	require.Equal(t, []byte{0, 1}, message.MessageAttributes["bytes"].BinaryValue)
	require.Equal(t, "String.Array", *message.MessageAttributes["array"].DataType)
}

// "Messages with more than 10 message attributes directed towards Raw Message Delivery
// enabled Amazon SQS subscriptions will be discarded as client side errors.".
func TestRawDeliveryOfTooManyAttributes(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic, raw, wrapped := f.topic("jobs"), f.queue("raw"), f.queue("wrapped")
	f.subscribe(topic, "raw", "RawMessageDelivery", "true")
	f.subscribe(topic, "wrapped")
	for _, n := range []int{10, 11} {
		f.publish(topic, "a", func(in *sns.PublishInput) {
			in.MessageAttributes = map[string]types.MessageAttributeValue{}
			for i := range n {
				in.MessageAttributes[fmt.Sprintf("n%d", i)] = topicText("x")
			}
		})
	}
	require.Len(t, f.receive(raw), 1)
	require.Len(t, f.receive(wrapped), 2)
	discarded := f.events(sqstest.Discarded)
	require.Len(t, discarded, 1)
	require.Equal(t, "raw", discarded[0].Queue)
	require.Contains(t, discarded[0].Reason, "attributes [11] exceeds")
	require.Empty(t, f.ClientErrors(), "the publisher is told nothing")
}

// Publish: the MessageGroupId "is forwarded only to Amazon SQS standard subscriptions".
func TestGroupsOfAStandardTopic(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic, url := f.topic("jobs"), f.queue("jobs")
	f.subscribe(topic, "jobs")
	f.publish(topic, "a", func(in *sns.PublishInput) { in.MessageGroupId = aws.String("tenant") })
	require.Equal(t, "tenant", f.receiveOne(url, everything).Attributes["MessageGroupId"])
}

// A FIFO topic delivers to a standard queue too, which knows no deduplication ids.
func TestAStandardQueueOnAFIFOTopic(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic, url := f.topic("jobs.fifo", "FifoTopic", "true"), f.queue("jobs")
	f.subscribe(topic, "jobs")
	out := f.publish(topic, "a", func(in *sns.PublishInput) {
		in.MessageGroupId, in.MessageDeduplicationId = aws.String("g"), aws.String("d")
	})
	require.Equal(t, *out.SequenceNumber, decoded(t, *f.receiveOne(url).Body)["SequenceNumber"])
}

// Publish, MessageStructure: a message for each protocol.
func TestMessageStructure(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic, url := f.topic("jobs"), f.queue("jobs")
	f.subscribe(topic, "jobs", "RawMessageDelivery", "true")
	structured := func(in *sns.PublishInput) { in.MessageStructure = aws.String("json") }
	f.publish(topic, `{"default":"d","sqs":"q"}`, structured, eachType)
	f.publish(topic, `{"default":"d","lambda":"l","sqs":1}`, structured)
	messages := f.receive(url, everything)
	require.Equal(t, []string{"q", "d"}, bodies(messages))
	require.Empty(t, messages[0].MessageAttributes, `"Message attributes are sent only when the message structure is String, not JSON."`)
}

// KeyBy sees the message that was published, on the topic and on the queue.
func TestKeysOfNotifications(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic := f.topic("jobs")
	f.queue("jobs")
	f.subscribe(topic, "jobs")
	f.KeyBy(func(body string) string { return "key of " + body })
	f.publish(topic, "a")
	require.Equal(t, map[string]int{"key of a": 1}, f.Ledger().Keys(sqstest.Published))
	require.Equal(t, map[string]int{"key of a": 1}, f.Ledger().Keys(sqstest.Accepted))
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	inSNSBubble(t, func(f *snsFixture) {
		topic := f.topic("jobs")
		var events []string
		arn := f.Register("jobs", func(_ context.Context, event []byte) error {
			events = append(events, string(event))
			return nil
		})
		require.Equal(f, "arn:aws:lambda:us-east-1:000000000000:function:jobs", arn)
		subscription, err := f.topics.Subscribe(f.Context(), &sns.SubscribeInput{
			TopicArn: &topic, Protocol: aws.String("lambda"), Endpoint: &arn,
		})
		require.NoError(f, err)
		out := f.publish(topic, "a<b", func(in *sns.PublishInput) {
			in.MessageAttributes = map[string]types.MessageAttributeValue{"n": topicText("v")}
		})
		synctest.Wait()
		require.Equal(f, []string{`{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0","EventSubscriptionArn":"` +
			*subscription.SubscriptionArn + `","Sns":{"Type":"Notification","MessageId":"` + *out.MessageId + `","TopicArn":"` + topic +
			`","Subject":null,"Message":"a<b","Timestamp":"2000-01-01T00:00:00.000Z","SignatureVersion":"1","Signature":"EXAMPLE",` +
			`"SigningCertUrl":"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0000000000000000000000000000000.pem",` +
			`"UnsubscribeUrl":"https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=` + *subscription.SubscriptionArn +
			`","MessageAttributes":{"n":{"Type":"String","Value":"v"}}}}]}`}, events)
	})
}

// An asynchronous invocation is tried again after one and after two minutes.
func TestFunctionsThatFail(t *testing.T) {
	t.Parallel()
	inSNSBubble(t, func(f *snsFixture) {
		topic := f.topic("jobs")
		start := time.Now()
		var runs []time.Duration
		arn := f.Register("jobs", func(context.Context, []byte) error {
			runs = append(runs, time.Since(start))
			if len(runs)%2 == 0 {
				panic("odd")
			}
			return errors.New("no")
		})
		_, err := f.topics.Subscribe(f.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("lambda"), Endpoint: &arn})
		require.NoError(f, err)
		f.publish(topic, "a")
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(f, []time.Duration{0, time.Minute, 3 * time.Minute}, runs)
		require.Equal(f, 3, f.Ledger().Count(sqstest.Invoked))
		require.Equal(f, "The function failed three times.", f.events(sqstest.Discarded)[0].Reason)
		f.publish(topic, "b")
		f.Close()
		f.Close()
	})
}

// Close ends the context of a function that runs, and waits for it.
func TestCloseWaitsForFunctions(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic := f.topic("jobs")
	started, ended := make(chan struct{}), false
	arn := f.Register("jobs", func(ctx context.Context, _ []byte) error {
		close(started)
		<-ctx.Done()
		ended = true
		return ctx.Err()
	})
	for _, endpoint := range []string{arn, arn + "-none"} {
		_, err := f.topics.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("lambda"), Endpoint: &endpoint})
		require.NoError(t, err)
	}
	f.publish(topic, "a")
	<-started
	f.Close()
	require.True(t, ended)
	require.True(t, slices.ContainsFunc(f.events(sqstest.Discarded), func(e sqstest.Event) bool {
		return e.Reason == "The function does not exist."
	}))
}

// A message that was accepted runs its function, however soon the server closes.
func TestCloseRunsWhatWasPublished(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	topic := f.topic("jobs")
	const functions = 200
	var runs atomic.Int32
	for n := range functions {
		arn := f.Register(fmt.Sprint("jobs-", n), func(context.Context, []byte) error {
			runs.Add(1)
			return errors.New("no second attempt")
		})
		_, err := f.topics.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("lambda"), Endpoint: &arn})
		require.NoError(t, err)
	}
	f.publish(topic, "a")
	f.Close()
	require.EqualValues(t, functions, runs.Load())
	require.Equal(t, functions, f.Ledger().Count(sqstest.Invoked))
}

// A started server answers both services over the loopback.
func TestTopicsOverTheLoopback(t *testing.T) {
	server := sqstest.NewServer()
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL_SNS", server.URL)
	t.Setenv("AWS_PROFILE", "") // and no other setting of a developer's own
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_CA_BUNDLE", "")
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("us-east-1"),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("key", "secret", "")))
	require.NoError(t, err)
	configured := sns.NewFromConfig(cfg)
	out, err := configured.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("jobs")})
	require.NoError(t, err)
	_, err = server.SNSClient().Publish(t.Context(), &sns.PublishInput{TopicArn: out.TopicArn, Message: aws.String("a")})
	require.NoError(t, err)
	require.Equal(t, 1, server.Ledger().Count(sqstest.Published))
	require.Equal(t, 2, server.TotalRequests())
}

package sqstest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// "Messages with more than 10 message attributes directed towards Raw Message Delivery enabled Amazon SQS subscriptions will be
// discarded as client side errors.".
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

// A started server answers both services over the loopback.
func TestTopicsOverTheLoopback(t *testing.T) {
	server := sqstest.NewServer()
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL_SNS", server.URL)
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

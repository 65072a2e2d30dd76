package sqstest_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
)

// setAttribute sets one attribute of a queue.
func (f *fixture) setAttribute(url, name, value string) error {
	_, err := f.client.SetQueueAttributes(f.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: &url, Attributes: map[string]string{name: value},
	})
	return err
}

// bury receives and releases a message as often as it takes to make it a dead
// letter, and once more.
func (f *fixture) bury(url string, maxReceiveCount int) {
	f.Helper()
	for range maxReceiveCount {
		require.NoError(f, f.changeVisibility(url, f.receiveOne(url).ReceiptHandle, 0))
	}
	require.Empty(f, f.receive(url))
}

func TestDeadLetterAfterExactlyMaxReceiveCount(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		dead := f.queue("jobs-dlq")
		url := f.queue("jobs", "RedrivePolicy", redriveTo("jobs-dlq", "3"))
		sent := time.Now()
		out := f.send(url, "poison", func(in *sqs.SendMessageInput) {
			in.MessageAttributes = map[string]types.MessageAttributeValue{"task": text("t")}
		})
		time.Sleep(time.Second)
		f.bury(url, 3)
		time.Sleep(time.Second)
		m := f.receiveOne(dead, everything)
		require.Equal(f, out.MessageId, m.MessageId)
		require.Equal(f, "t", *m.MessageAttributes["task"].StringValue)
		require.Equal(f, "4", m.Attributes["ApproximateReceiveCount"], "counted over all queues")
		require.Equal(f, "arn:aws:sqs:us-east-1:000000000000:jobs", m.Attributes["DeadLetterQueueSourceArn"])
		require.True(f, sent.Equal(f.Queue("jobs-dlq").Messages[0].SentAt), "the enqueue time is kept")
		require.Empty(f, f.Queue("jobs").Messages)
	})
}

func TestPollOnADeadLetterQueueWakes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		dead := f.queue("jobs-dlq")
		url := f.queue("jobs", "RedrivePolicy", redriveTo("jobs-dlq", `"1"`))
		f.send(url, "poison")
		f.receiveOne(url)
		start := time.Now()
		go f.receive(url, waiting(20*time.Second))
		time.Sleep(15 * time.Second)
		go f.receive(url, waiting(20*time.Second))
		f.receiveOne(dead, waiting(20*time.Second))
		require.Equal(f, 30*time.Second, time.Since(start), "when the visibility timeout ended")
		time.Sleep(20 * time.Second)
	})
}

func TestRetentionOfDeadLettersCountsFromTheSend(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		f.queue("jobs-dlq", "MessageRetentionPeriod", "100")
		url := f.queue("jobs", "RedrivePolicy", redriveTo("jobs-dlq", "1"))
		f.send(url, "poison")
		time.Sleep(70 * time.Second)
		f.bury(url, 1)
		require.Len(f, f.Queue("jobs-dlq").Messages, 1)
		time.Sleep(30 * time.Second)
		require.Empty(f, f.Queue("jobs-dlq").Messages)
	})
}

func TestMessageStaysWhenTheDeadLetterQueueIsGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dead := f.queue("jobs-dlq")
	url := f.queue("jobs", "RedrivePolicy", redriveTo("jobs-dlq", "1"), "VisibilityTimeout", "0")
	f.send(url, "poison")
	_, err := f.client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &dead})
	require.NoError(t, err)
	for range 3 {
		f.receiveOne(url)
	}
}

func TestRedrivePolicyRules(t *testing.T) {
	t.Parallel()
	const self = "arn:aws:sqs:us-east-1:000000000000:jobs"
	cases := map[string]struct{ name, value, want string }{
		"no JSON":               {"RedrivePolicy", "x", "InvalidAttributeValue"},
		"no object":             {"RedrivePolicy", "3", "InvalidAttributeValue"},
		"a wrong member":        {"RedrivePolicy", `{"deadLetterTargetArn":3}`, "InvalidParameterValue"},
		"no target":             {"RedrivePolicy", `{"maxReceiveCount":3}`, "InvalidParameterValue"},
		"a missing target":      {"RedrivePolicy", redriveTo("none", "3"), "InvalidParameterValue"},
		"a foreign target":      {"RedrivePolicy", `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:1:x"}`, "InvalidParameterValue"},
		"a FIFO target":         {"RedrivePolicy", redriveTo("dlq.fifo", "3"), "InvalidParameterValue"},
		"a count of zero":       {"RedrivePolicy", redriveTo("dlq", "0"), "InvalidParameterValue"},
		"a count of 1001":       {"RedrivePolicy", redriveTo("dlq", "1001"), "InvalidParameterValue"},
		"a count of 1000":       {"RedrivePolicy", redriveTo("dlq", "1000"), ""},
		"a count in a string":   {"RedrivePolicy", redriveTo("dlq", `"5"`), ""},
		"no count":              {"RedrivePolicy", `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dlq"}`, ""},
		"a target that denies":  {"RedrivePolicy", redriveTo("denies", "3"), "InvalidParameterValue"},
		"a target for others":   {"RedrivePolicy", redriveTo("others", "3"), "InvalidParameterValue"},
		"a target for this one": {"RedrivePolicy", redriveTo("ours", "3"), ""},
		"taken away":            {"RedrivePolicy", "", ""},
		"an unknown permission": {"RedriveAllowPolicy", `{"redrivePermission":"some"}`, "InvalidParameterValue"},
		"byQueue without names": {"RedriveAllowPolicy", `{"redrivePermission":"byQueue"}`, "InvalidParameterValue"},
		"names without byQueue": {"RedriveAllowPolicy", `{"redrivePermission":"denyAll","sourceQueueArns":["` + self + `"]}`, "InvalidParameterValue"},
		"a wrong permission":    {"RedriveAllowPolicy", `{"redrivePermission":1}`, "InvalidParameterValue"},
		"allowAll":              {"RedriveAllowPolicy", `{"redrivePermission":"allowAll"}`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			url := f.queue("jobs")
			f.queue("dlq")
			f.queue("dlq.fifo", "FifoQueue", "true")
			f.queue("denies", "RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`)
			f.queue("others", "RedriveAllowPolicy", `{"redrivePermission":"byQueue","sourceQueueArns":["`+self+`2"]}`)
			f.queue("ours", "RedriveAllowPolicy", `{"redrivePermission":"byQueue","sourceQueueArns":["`+self+`"]}`)
			require.Equal(t, c.want, code(t, f.setAttribute(url, c.name, c.value)))
			if c.want == "" {
				require.Equal(t, c.value, f.attributes(url)[c.name])
			}
		})
	}
}

func TestListDeadLetterSourceQueues(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dead := f.queue("dlq")
	a := f.queue("a", "RedrivePolicy", redriveTo("dlq", "3"))
	f.queue("b")
	c := f.queue("c", "RedrivePolicy", redriveTo("dlq", "3"))
	out, err := f.client.ListDeadLetterSourceQueues(t.Context(), &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &dead})
	require.NoError(t, err)
	require.Equal(t, []string{a, c}, out.QueueUrls)
	page, err := f.client.ListDeadLetterSourceQueues(t.Context(), &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &dead, MaxResults: aws.Int32(1)})
	require.NoError(t, err)
	require.Equal(t, []string{a}, page.QueueUrls)
	require.NotEmpty(t, page.NextToken)
}

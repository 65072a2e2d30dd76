package sqstest_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
)

func (f *fixture) create(name string, attributes map[string]string) error {
	_, err := f.client.CreateQueue(f.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	return err
}

func TestQueueNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	fifo := map[string]string{"FifoQueue": "true"}
	cases := []struct {
		name       string
		attributes map[string]string
		ok         bool
	}{
		{"aZ0_-", nil, true},
		{strings.Repeat("n", 80), nil, true},
		{strings.Repeat("n", 81), nil, false},
		{"", nil, false},
		{"a.b", nil, false},
		{"a b", nil, false},
		{"é", nil, false},
		{".fifo", fifo, false},
		{"a.fifo", fifo, true},
		{"b.fifo", nil, false},
		{"c", fifo, false},
		{strings.Repeat("n", 76) + ".fifo", fifo, false},
	}
	for _, c := range cases {
		err := f.create(c.name, c.attributes)
		require.Equal(t, c.ok, err == nil, "%q: %v", c.name, err)
		require.Equal(t, c.ok, f.Queue(c.name).Exists)
	}
}

func TestCreateQueueIsIdempotent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs", "VisibilityTimeout", "60")
	require.Equal(t, url, f.queue("jobs", "VisibilityTimeout", "60"))
	require.Equal(t, url, f.queue("jobs"))
	require.Equal(t, url, f.queue("jobs", "DelaySeconds", "00"), "the default, spelt another way")
	require.True(t, is[*types.QueueNameExists](f.create("jobs", map[string]string{"VisibilityTimeout": "61"})))
	f.queue("dlq")
	f.queue("dead", "RedrivePolicy", redriveTo("dlq", "5"))
	f.queue("dead", "RedrivePolicy", " "+redriveTo("dlq", `"5"`))
	require.True(t, is[*types.QueueNameExists](f.create("dead", map[string]string{"RedrivePolicy": redriveTo("dlq", "6")})))
	require.True(t, is[*types.QueueNameExists](f.create("jobs", map[string]string{"VisibilityTimeout": "60", "DelaySeconds": "1"})))
}

func TestNameOfADeletedQueueIsReservedForAMinute(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.send(url, "a")
		receipt := f.receiveOne(url).ReceiptHandle
		_, err := f.client.DeleteQueue(f.Context(), &sqs.DeleteQueueInput{QueueUrl: &url})
		require.NoError(f, err)
		_, err = f.client.DeleteQueue(f.Context(), &sqs.DeleteQueueInput{QueueUrl: &url})
		require.True(f, is[*types.QueueDoesNotExist](err))
		time.Sleep(59 * time.Second)
		require.True(f, is[*types.QueueDeletedRecently](f.create("jobs", nil)))
		time.Sleep(time.Second)
		f.queue("jobs")
		require.Empty(f, f.Queue("jobs").Messages)
		_, err = f.client.DeleteMessage(f.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: receipt})
		require.True(f, is[*types.ReceiptHandleIsInvalid](err), "a handle of the queue that was")
	})
}

func TestPollOnAQueueThatIsDeleted(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		time.AfterFunc(5*time.Second, func() {
			_, _ = f.client.DeleteQueue(f.Context(), &sqs.DeleteQueueInput{QueueUrl: &url})
		})
		start := time.Now()
		_, err := f.client.ReceiveMessage(f.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20})
		require.True(f, is[*types.QueueDoesNotExist](err))
		require.Equal(f, 5*time.Second, time.Since(start))
	})
}

func TestQueueAttributeRules(t *testing.T) {
	t.Parallel()
	const invalid, unknown = "InvalidAttributeValue", "InvalidAttributeName"
	cases := []struct{ name, value, want string }{
		{"VisibilityTimeout", "0", ""}, {"VisibilityTimeout", "43200", ""},
		{"VisibilityTimeout", "43201", invalid}, {"VisibilityTimeout", "-1", invalid}, {"VisibilityTimeout", "1.5", invalid},
		{"DelaySeconds", "900", ""}, {"DelaySeconds", "901", invalid},
		{"MessageRetentionPeriod", "60", ""}, {"MessageRetentionPeriod", "1209600", ""},
		{"MessageRetentionPeriod", "59", invalid}, {"MessageRetentionPeriod", "1209601", invalid},
		{"MaximumMessageSize", "1024", ""}, {"MaximumMessageSize", "1048576", ""},
		{"MaximumMessageSize", "1023", invalid}, {"MaximumMessageSize", "1048577", invalid},
		{"ReceiveMessageWaitTimeSeconds", "20", ""}, {"ReceiveMessageWaitTimeSeconds", "21", invalid},
		{"KmsMasterKeyId", "alias/aws/sqs", ""}, {"KmsDataKeyReusePeriodSeconds", "300", ""},
		{"KmsDataKeyReusePeriodSeconds", "59", invalid},
		{"SqsManagedSseEnabled", "false", ""}, {"SqsManagedSseEnabled", "yes", invalid},
		{"Policy", `{"Version":"2012-10-17"}`, ""}, {"Policy", "allow", invalid},
		{"QueueArn", "x", unknown}, {"Colour", "x", unknown}, {"FifoQueue", "true", unknown},
		{"ContentBasedDeduplication", "true", unknown},
	}
	for _, c := range cases {
		f := newFixture(t)
		url := f.queue("jobs")
		require.Equal(t, c.want, code(t, f.setAttribute(url, c.name, c.value)), "%s=%s", c.name, c.value)
		if c.want == "" {
			require.Equal(t, c.value, f.attributes(url)[c.name])
		}
	}
}

func TestQueueAttributesAreThoseAskedFor(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		created := strconv.FormatInt(time.Now().Unix(), 10)
		url := f.queue("jobs")
		time.Sleep(time.Second)
		require.NoError(f, f.setAttribute(url, "DelaySeconds", "5"))
		require.Equal(f, map[string]string{
			"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0", "ApproximateNumberOfMessagesNotVisible": "0",
			"CreatedTimestamp": created, "LastModifiedTimestamp": strconv.FormatInt(time.Now().Unix(), 10),
			"DelaySeconds": "5", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
			"QueueArn":                      "arn:aws:sqs:us-east-1:000000000000:jobs",
			"ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true", "VisibilityTimeout": "30",
		}, f.attributes(url))
		get := func(names ...types.QueueAttributeName) (map[string]string, error) {
			out, err := f.client.GetQueueAttributes(f.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
			if err != nil {
				return nil, err
			}
			return out.Attributes, nil
		}
		some, err := get("DelaySeconds", "RedrivePolicy")
		require.NoError(f, err)
		require.Equal(f, map[string]string{"DelaySeconds": "5"}, some, "an attribute that is not set is left out")
		none, err := get()
		require.NoError(f, err)
		require.Empty(f, none)
		_, err = get("Colour")
		require.True(f, is[*types.InvalidAttributeName](err))
	})
}

func TestGetQueueURL(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	get := func(in *sqs.GetQueueUrlInput) (string, error) {
		out, err := f.client.GetQueueUrl(t.Context(), in)
		if err != nil {
			return "", err
		}
		return *out.QueueUrl, nil
	}
	got, err := get(&sqs.GetQueueUrlInput{QueueName: aws.String("jobs"), QueueOwnerAWSAccountId: aws.String("000000000000")})
	require.NoError(t, err)
	require.Equal(t, url, got)
	for _, in := range []*sqs.GetQueueUrlInput{
		{QueueName: aws.String("Jobs")},
		{QueueName: aws.String("jobs"), QueueOwnerAWSAccountId: aws.String("111111111111")},
	} {
		_, err := get(in)
		require.True(t, is[*types.QueueDoesNotExist](err))
	}
}

func TestListQueuesInPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var want []string
	for _, name := range []string{"a1", "a2", "a3", "b1"} {
		want = append(want, f.queue(name))
	}
	all, err := f.client.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	require.NoError(t, err)
	require.Equal(t, want, all.QueueUrls)
	pages := sqs.NewListQueuesPaginator(f.client, &sqs.ListQueuesInput{QueueNamePrefix: aws.String("a"), MaxResults: aws.Int32(2)})
	var got []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.QueueUrls), 2)
		got = append(got, page.QueueUrls...)
	}
	require.Equal(t, want[:3], got)
	for _, in := range []*sqs.ListQueuesInput{{MaxResults: aws.Int32(1001)}, {NextToken: aws.String("!")}} {
		_, err := f.client.ListQueues(t.Context(), in)
		require.Equal(t, "InvalidParameterValue", code(t, err))
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	out, err := f.client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("jobs"), Tags: map[string]string{"team": "a", "stage": "dev"}})
	require.NoError(t, err)
	_, err = f.client.TagQueue(t.Context(), &sqs.TagQueueInput{QueueUrl: out.QueueUrl, Tags: map[string]string{"team": "b", "cost": "1"}})
	require.NoError(t, err)
	_, err = f.client.UntagQueue(t.Context(), &sqs.UntagQueueInput{QueueUrl: out.QueueUrl, TagKeys: []string{"stage"}})
	require.NoError(t, err)
	tags, err := f.client.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: out.QueueUrl})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"team": "b", "cost": "1"}, tags.Tags)
	tooMany := map[string]string{}
	for i := range 51 {
		tooMany[strconv.Itoa(i)] = "x"
	}
	for _, bad := range []map[string]string{tooMany, {"": "x"}, {strings.Repeat("k", 129): "x"}, {"k": strings.Repeat("v", 257)}} {
		_, err = f.client.TagQueue(t.Context(), &sqs.TagQueueInput{QueueUrl: out.QueueUrl, Tags: bad})
		require.Equal(t, "InvalidParameterValue", code(t, err))
		_, err = f.client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("other"), Tags: bad})
		require.Equal(t, "InvalidParameterValue", code(t, err))
	}
}

// The operations that find their queue by URL, on a queue that is not there.
func TestMissingQueue(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := aws.String(f.URL + "/000000000000/none")
	ctx, c := t.Context(), f.client
	calls := map[string]func() error{
		"SendMessage": func() error {
			_, err := c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("a")})
			return err
		},
		"ReceiveMessage": func() error { _, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url}); return err },
		"DeleteMessage": func() error {
			_, err := c.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: url})
			return err
		},
		"ChangeMessageVisibility": func() error {
			_, err := c.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: url})
			return err
		},
		"PurgeQueue": func() error { _, err := c.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: url}); return err },
		"GetQueueAttributes": func() error {
			_, err := c.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url})
			return err
		},
		"SetQueueAttributes": func() error { return f.setAttribute(*url, "DelaySeconds", "1") },
		"TagQueue": func() error {
			_, err := c.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: url, Tags: map[string]string{}})
			return err
		},
		"UntagQueue": func() error {
			_, err := c.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: url, TagKeys: []string{}})
			return err
		},
		"ListQueueTags": func() error { _, err := c.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: url}); return err },
		"ListDeadLetterSourceQueues": func() error {
			_, err := c.ListDeadLetterSourceQueues(ctx, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: url})
			return err
		},
	}
	for name, call := range calls {
		require.True(t, is[*types.QueueDoesNotExist](call()), name)
		require.Equal(t, 1, f.Requests(name))
	}
	require.Equal(t, len(calls), f.TotalRequests())
	require.Equal(t, map[string]int{"QueueDoesNotExist": len(calls)}, f.ClientErrors())
	f.ResetCounts()
	require.Zero(t, f.TotalRequests())
	require.Empty(t, f.ClientErrors())
}

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

//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/stretchr/testify/require"
)

// A topicProbe is a probe that has a client of the SNS of its service too.
type topicProbe struct {
	*probe

	topics *sns.Client
}

// A topicCheck is a case of SNS: what Amazon SNS makes of it by its documentation, and
// what fauxqs makes of it where that differs.
type topicCheck struct {
	name, rule   string
	want, fauxqs string
	run          func(p *topicProbe)
}

func topicChecks() []topicCheck {
	return []topicCheck{
		{
			"a topic that is there", `CreateTopic: "This action is idempotent"`,
			"same true; other attributes InvalidParameterException", "", (*topicProbe).createsTwice,
		},
		{
			"raw delivery", "Developer Guide: the message as it was published, with its attributes",
			`body {"a":"<é>"}; attribute v`, "", (*topicProbe).deliversRaw,
		},
		{
			"a notification", "Developer Guide, parsing message formats: Type, MessageId, TopicArn, Message, Timestamp, SignatureVersion, " +
				"Signature, SigningCertURL, UnsubscribeURL and MessageAttributes",
			"message x; attribute map[Type:String Value:v]; with Message MessageAttributes MessageId Signature SignatureVersion SigningCertURL " +
				"Timestamp TopicArn Type UnsubscribeURL",
			"message x; attribute map[Type:String Value:v]; with Message MessageAttributes MessageId Signature SignatureVersion SigningCertURL " +
				"Subject Timestamp TopicArn Type UnsubscribeURL", (*topicProbe).deliversNotification,
		},
		{
			"batches that are refused as a whole", "PublishBatch, errors",
			"empty EmptyBatchRequestException; eleven TooManyEntriesInBatchRequestException; same ids BatchEntryIdsNotDistinctException; " +
				"too long BatchRequestTooLongException",
			"empty ok; eleven ok; same ids ok; too long ok", (*topicProbe).refusesBatches,
		},
		{
			"what Publish refuses", "Publish: a message of up to 256 KiB on a topic that exists; message attributes that are not empty",
			"empty InvalidParameterException; large InvalidParameterException; attribute InvalidParameterValueException; " +
				"topic NotFoundException",
			"empty InvalidParameterException; large InvalidParameterException; attribute ok; topic NotFoundException", (*topicProbe).refusesMessages,
		},
		{
			"FIFO", `Publish: messages "with the same MessageDeduplicationId, are accepted successfully but aren't delivered"; a group is required`,
			"delivered 0 1 2; without group InvalidParameterException", "", (*topicProbe).deliversFIFO,
		},
	}
}

// tell runs a check against a service and returns what was seen.
func (c topicCheck) tell(ctx context.Context, p *topicProbe) string {
	return check{run: func(*probe) { c.run(p) }}.tell(ctx, p.probe)
}

func newTopicClient(t *testing.T, endpoint string) *sns.Client {
	t.Helper()
	options := newClient(t, endpoint).Options()
	return sns.New(sns.Options{
		BaseEndpoint: options.BaseEndpoint, Region: options.Region, RetryMaxAttempts: 1,
		Credentials: options.Credentials, HTTPClient: options.HTTPClient,
	})
}

// The embedded SNS does what Amazon SNS documents, and the other service too, but for
// what the checks say.
func TestTopicsDoWhatIsDocumented(t *testing.T) {
	t.Parallel()
	for _, s := range services()[:2] { // the third has no SNS
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			endpoint := s.start(t)
			client, topics := newClient(t, endpoint), newTopicClient(t, endpoint)
			for i, c := range topicChecks() {
				want := c.want
				if s.name == "fauxqs" && c.fauxqs != "" {
					want = c.fauxqs
				}
				t.Run(c.name, func(t *testing.T) {
					got := timely(t, fmt.Sprint("sns-", i), want, func(prefix string) string {
						return c.tell(t.Context(), &topicProbe{probe: &probe{Client: client, prefix: prefix}, topics: topics})
					})
					require.Equal(t, want, got, "%s: %s", s.name, c.rule)
				})
			}
		})
	}
}

// topic creates a topic and subscribes a new queue, whose URL it returns.
func (p *topicProbe) topic(name string, raw bool) (topic, url *string) {
	attributes := map[string]string{}
	if strings.HasSuffix(name, ".fifo") {
		attributes["FifoTopic"] = "true"
	}
	created, err := p.topics.CreateTopic(p.ctx, &sns.CreateTopicInput{Name: aws.String(p.prefix + name), Attributes: attributes})
	p.try(err)
	url = p.queue(name)
	_, err = p.topics.Subscribe(p.ctx, &sns.SubscribeInput{
		TopicArn: created.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String(p.arn(url)),
		Attributes: map[string]string{"RawMessageDelivery": fmt.Sprint(raw)},
	})
	p.try(err)
	return created.TopicArn, url
}

// publish publishes, with one attribute, and returns the error.
func (p *topicProbe) publish(topic *string, message, attribute string) error {
	_, err := p.topics.Publish(p.ctx, &sns.PublishInput{
		TopicArn: topic, Message: &message, MessageAttributes: map[string]types.MessageAttributeValue{
			"n": {DataType: aws.String("String"), StringValue: &attribute},
		},
	})
	return err
}

func (p *topicProbe) createsTwice() {
	create := func(displayName string) (string, error) {
		out, err := p.topics.CreateTopic(p.ctx, &sns.CreateTopicInput{
			Name: aws.String(p.prefix + "t"), Attributes: map[string]string{"DisplayName": displayName},
		})
		if err != nil {
			return "", err
		}
		return *out.TopicArn, nil
	}
	first, err := create("a")
	p.try(err)
	again, err := create("a")
	p.try(err)
	_, err = create("b")
	p.notef("same %t", first == again)
	p.notef("other attributes %s", outcome(err))
}

func (p *topicProbe) deliversRaw() {
	topic, url := p.topic("raw", true)
	p.try(p.publish(topic, `{"a":"<é>"}`, "v"))
	m := p.one(url)
	p.notef("body %s", *m.Body)
	p.notef("attribute %s", aws.ToString(m.MessageAttributes["n"].StringValue))
}

func (p *topicProbe) deliversNotification() {
	topic, url := p.topic("wrapped", false)
	p.try(p.publish(topic, "x", "v"))
	var members map[string]any
	p.try(json.Unmarshal([]byte(*p.one(url).Body), &members))
	attributes, _ := members["MessageAttributes"].(map[string]any)
	p.notef("message %v", members["Message"])
	p.notef("attribute %v", attributes["n"])
	p.notef("with %s", strings.Join(slices.Sorted(maps.Keys(members)), " "))
}

func (p *topicProbe) refusesBatches() {
	topic, _ := p.topic("batch", true)
	publish := func(what string, ids []string, message string) {
		in := &sns.PublishBatchInput{TopicArn: topic, PublishBatchRequestEntries: []types.PublishBatchRequestEntry{}}
		for _, id := range ids {
			in.PublishBatchRequestEntries = append(in.PublishBatchRequestEntries, types.PublishBatchRequestEntry{Id: &id, Message: &message})
		}
		_, err := p.topics.PublishBatch(p.ctx, in)
		p.notef("%s %s", what, outcome(err))
	}
	publish("empty", nil, "x")
	publish("eleven", strings.Split("0 1 2 3 4 5 6 7 8 9 10", " "), "x")
	publish("same ids", []string{"a", "a"}, "x")
	publish("too long", []string{"a", "b"}, strings.Repeat("x", 140_000))
}

func (p *topicProbe) refusesMessages() {
	topic, _ := p.topic("refuse", true)
	p.notef("empty %s", outcome(p.publish(topic, "", "v")))
	p.notef("large %s", outcome(p.publish(topic, strings.Repeat("x", 262_145), "v")))
	p.notef("attribute %s", outcome(p.publish(topic, "x", "")))
	p.notef("topic %s", outcome(p.publish(aws.String(*topic+"-none"), "x", "v")))
}

func (p *topicProbe) deliversFIFO() {
	topic, url := p.topic("jobs.fifo", true)
	publish := func(n int, group *string) error {
		_, err := p.topics.Publish(p.ctx, &sns.PublishInput{
			TopicArn: topic, Message: aws.String(fmt.Sprint(n)), MessageDeduplicationId: aws.String(fmt.Sprint("d", n)), MessageGroupId: group,
		})
		return err
	}
	for _, n := range []int{0, 1, 0, 2, 1} {
		p.try(publish(n, aws.String("g")))
	}
	p.notef("delivered %s", strings.Join(p.work(url), " "))
	p.notef("without group %s", outcome(publish(3, nil)))
}

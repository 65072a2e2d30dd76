//go:build e2e

package e2e_test

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func queueChecks() []check {
	return []check{
		{
			"a queue is found by its name",
			"GetQueueUrl returns the URL of an existing queue; ListQueues filters by QueueNamePrefix",
			"found true, listed 1",
			findQueue,
		},
		{
			"a queue that is not there",
			`error QueueDoesNotExist: "Ensure that the QueueUrl is correct and that the queue has not been deleted"`,
			"QueueDoesNotExist, QueueDoesNotExist",
			func(p *probe) {
				_, err := p.GetQueueUrl(p.ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(p.prefix + "none")})
				url := *p.queue("some") + "-none"
				_, sent := p.SendMessage(p.ctx, message(&url, "x"))
				p.notef("%s, %s", outcome(err), outcome(sent))
			},
		},
		{
			"creating a queue again",
			"CreateQueue: the same name and attributes return the URL of the existing queue; error QueueNameExists when values differ",
			"same ok, different QueueNameExists",
			func(p *probe) {
				p.queue("q", "VisibilityTimeout=10")
				_, same := p.create("q", "VisibilityTimeout=10")
				_, different := p.create("q", "VisibilityTimeout=11")
				p.notef("same %s, different %s", outcome(same), outcome(different))
			},
		},
		{
			"names of queues",
			`CreateQueue, QueueName: "up to 80 characters", "alphanumeric characters, hyphens (-), and underscores (_)"`,
			"space InvalidParameterValue, length InvalidParameterValue, period InvalidParameterValue",
			func(p *probe) {
				_, space := p.create("a b")
				_, long := p.create(strings.Repeat("a", 81))
				_, period := p.create("a.b")
				p.notef("space %s, length %s, period %s", outcome(space), outcome(long), outcome(period))
			},
		},
		{
			"attributes of a queue",
			"CreateQueue lists the default of each attribute",
			"VisibilityTimeout 30, DelaySeconds 0, MessageRetentionPeriod 345600, MaximumMessageSize 1048576, " +
				"ReceiveMessageWaitTimeSeconds 0; set VisibilityTimeout 7",
			queueAttributes,
		},
		{
			"attributes that a queue cannot have",
			`errors InvalidAttributeName: "The specified attribute doesn't exist", and InvalidAttributeValue: "A queue attribute value is invalid"`,
			"name InvalidAttributeName, value InvalidAttributeValue, range InvalidAttributeValue",
			func(p *probe) {
				_, name := p.create("a", "Colour=red")
				_, value := p.create("b", "VisibilityTimeout=long")
				_, outside := p.create("c", "VisibilityTimeout=43201")
				p.notef("name %s, value %s, range %s", outcome(name), outcome(value), outcome(outside))
			},
		},
		{
			"counts of messages",
			"GetQueueAttributes: approximate numbers of messages available, in flight, and delayed; consistent a minute after the last change",
			"visible 1, in flight 1, delayed 1",
			countMessages,
		},
		{
			"purging a queue",
			`PurgeQueue: "The message deletion process takes up to 60 seconds"; error PurgeQueueInProgress within 60 s of the last`,
			"ok, left 0, again PurgeQueueInProgress",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x")
				_, err := p.PurgeQueue(p.ctx, &sqs.PurgeQueueInput{QueueUrl: url})
				left := len(p.receive(url, 1))
				_, again := p.PurgeQueue(p.ctx, &sqs.PurgeQueueInput{QueueUrl: url})
				p.notef("%s, left %d, again %s", outcome(err), left, outcome(again))
			},
		},
		{
			"deleting a queue",
			`DeleteQueue takes up to 60 s, during which requests might succeed; error QueueDeletedRecently: "You must wait 60 seconds"`,
			"ok, send QueueDoesNotExist, create QueueDeletedRecently",
			func(p *probe) {
				url := p.queue("q")
				_, err := p.DeleteQueue(p.ctx, &sqs.DeleteQueueInput{QueueUrl: url})
				_, sent := p.SendMessage(p.ctx, message(url, "x"))
				_, created := p.create("q")
				p.notef("%s, send %s, create %s", outcome(err), outcome(sent), outcome(created))
			},
		},
		{
			"tags of a queue",
			"TagQueue, UntagQueue, ListQueueTags",
			"team=a, then none",
			tagQueue,
		},
	}
}

func findQueue(p *probe) {
	url := p.queue("q")
	found, err := p.GetQueueUrl(p.ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(p.prefix + "q")})
	p.try(err)
	list, err := p.ListQueues(p.ctx, &sqs.ListQueuesInput{QueueNamePrefix: aws.String(p.prefix)})
	p.try(err)
	p.notef("found %t, listed %d", *found.QueueUrl == *url, len(list.QueueUrls))
}

func queueAttributes(p *probe) {
	url := p.queue("q")
	var list []string
	for _, name := range []types.QueueAttributeName{
		"VisibilityTimeout", "DelaySeconds", "MessageRetentionPeriod", "MaximumMessageSize", "ReceiveMessageWaitTimeSeconds",
	} {
		list = append(list, string(name)+" "+p.attribute(url, name))
	}
	p.notef("%s", strings.Join(list, ", "))
	_, err := p.SetQueueAttributes(p.ctx, &sqs.SetQueueAttributesInput{
		QueueUrl: url, Attributes: map[string]string{"VisibilityTimeout": "7"},
	})
	p.try(err)
	p.notef("set VisibilityTimeout %s", p.attribute(url, "VisibilityTimeout"))
}

func countMessages(p *probe) {
	url := p.queue("q")
	p.send(url, "in flight")
	p.one(url)
	p.send(url, "visible")
	p.send(url, "delayed", func(in *sqs.SendMessageInput) { in.DelaySeconds = 900 })
	// The counts are approximate: on SQS they are right a while after the last change.
	deadline := time.Now().Add(2 * time.Second)
	for p.attribute(url, "ApproximateNumberOfMessagesDelayed") != "1" && time.Now().Before(deadline) {
		p.receive(url, 1, atMost(1), invisible(1))
	}
	var counts []any
	for _, name := range countAttributes() {
		counts = append(counts, p.attribute(url, name))
	}
	p.notef("visible %s, in flight %s, delayed %s", counts...)
}

// countAttributes are the counts of messages that wait, are in flight, or are delayed.
func countAttributes() []types.QueueAttributeName {
	return []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
}

func tagQueue(p *probe) {
	url := p.queue("q")
	tags := func() string {
		out, err := p.ListQueueTags(p.ctx, &sqs.ListQueueTagsInput{QueueUrl: url})
		p.try(err)
		if value, ok := out.Tags["team"]; ok {
			return "team=" + value
		}
		return "none"
	}
	_, err := p.TagQueue(p.ctx, &sqs.TagQueueInput{QueueUrl: url, Tags: map[string]string{"team": "a"}})
	p.try(err)
	before := tags()
	_, err = p.UntagQueue(p.ctx, &sqs.UntagQueueInput{QueueUrl: url, TagKeys: []string{"team"}})
	p.try(err)
	p.notef("%s, then %s", before, tags())
}

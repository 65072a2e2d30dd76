//go:build e2e

package e2e_test

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func deadLetterChecks() []check {
	return []check{
		{
			"received more often than allowed",
			`CreateQueue, RedrivePolicy: "When the ReceiveCount for a message exceeds the maxReceiveCount for a queue, Amazon SQS moves the message"; it keeps its time of sending (Developer Guide)`,
			"received 2 times; then 0; dead x; attribute v; source true; same sent time true",
			bury,
		},
		{
			"the queues of a dead-letter queue",
			"ListDeadLetterSourceQueues",
			"true",
			func(p *probe) {
				source, letters := p.redrive("q", 1)
				out, err := p.ListDeadLetterSourceQueues(p.ctx, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: letters})
				p.try(err)
				p.notef("%t", len(out.QueueUrls) == 1 && out.QueueUrls[0] == *source)
			},
		},
		{
			"redrive policies that are refused",
			"CreateQueue, RedrivePolicy: a JSON object with the ARN of a dead-letter queue, and a count from 1 to 1000 (Developer Guide)",
			"missing queue: refused true; count 0: refused true; no JSON: refused true",
			func(p *probe) {
				arn := p.arn(p.queue("letters"))
				for _, c := range []struct{ what, policy string }{
					{"missing queue", fmt.Sprintf(`{"deadLetterTargetArn":"%s-none","maxReceiveCount":1}`, arn)},
					{"count 0", fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":0}`, arn)},
					{"no JSON", "often"},
				} {
					_, err := p.create("q-"+strings.ReplaceAll(c.what, " ", "-"), "RedrivePolicy="+c.policy)
					p.notef("%s: refused %t", c.what, err != nil)
				}
			},
		},
		{
			"dead letters of a FIFO queue need a FIFO queue",
			`CreateQueue: "The dead-letter queue of a FIFO queue must also be a FIFO queue"`,
			"refused true",
			func(p *probe) {
				letters := p.arn(p.queue("letters"))
				_, err := p.create("q.fifo", fmt.Sprintf(`RedrivePolicy={"deadLetterTargetArn":%q,"maxReceiveCount":1}`, letters))
				p.notef("refused %t", err != nil)
			},
		},
		{
			"dead letters of a FIFO queue",
			"CreateQueue, RedrivePolicy, for FIFO queues too",
			"dead a; group g; the queue goes on with b",
			func(p *probe) {
				source, letters := p.redrive("q.fifo", 1)
				p.send(source, "a", inGroup("g", "1"))
				p.send(source, "b", inGroup("g", "2"))
				p.try(p.hide(source, p.one(source).ReceiptHandle, 0))
				next := p.one(source)
				letter := p.one(letters)
				p.notef("dead %s; group %s; the queue goes on with %s", *letter.Body, letter.Attributes["MessageGroupId"], *next.Body)
			},
		},
	}
}

func bury(p *probe) {
	source, letters := p.redrive("q", 2)
	p.send(source, "x", attribute("k", "String", "v"))
	sent := ""
	for range 2 {
		m := p.one(source)
		sent = m.Attributes["SentTimestamp"]
		p.try(p.hide(source, m.ReceiptHandle, 0))
	}
	p.notef("received 2 times")
	p.notef("then %d", len(p.receive(source, 1)))
	letter := p.one(letters)
	p.notef("dead %s", *letter.Body)
	p.notef("attribute %s", aws.ToString(letter.MessageAttributes["k"].StringValue))
	p.notef("source %t", letter.Attributes["DeadLetterQueueSourceArn"] == p.arn(source))
	p.notef("same sent time %t", letter.Attributes["SentTimestamp"] == sent)
}

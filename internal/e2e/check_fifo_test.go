//go:build e2e

package e2e_test

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func fifoChecks() []check {
	return []check{
		{
			"the order of a group",
			`SendMessage, MessageGroupId: "always processed one at a time, in strict order"`,
			"0 1 2 3 4 5 6 7 8 9",
			func(p *probe) {
				url := p.queue("q.fifo")
				p.sendGroup(url, "g", 10)
				p.notef("%s", strings.Join(p.work(url), " "))
			},
		},
		{
			"a receive of several messages of a group",
			`Developer Guide, FIFO delivery logic: "attempts to return as many messages with the same message group ID as possible"`,
			"0 1 2",
			func(p *probe) {
				url := p.queue("q.fifo")
				p.sendGroup(url, "g", 3)
				p.notef("%s", strings.Join(bodies(p.receive(url, 2)), " "))
			},
		},
		{
			"a group waits for its messages in flight",
			`Developer Guide, FIFO delivery logic: no more messages of a group "unless you delete the message or it becomes visible"`,
			"g 0; in flight 0; after the delete 1",
			func(p *probe) {
				url := p.queue("q.fifo")
				p.sendGroup(url, "g", 2)
				first := p.one(url)
				p.notef("g %s", *first.Body)
				p.notef("in flight %d", len(p.receive(url, 0)))
				p.delete(url, first)
				p.notef("after the delete %s", *p.one(url).Body)
			},
		},
		{
			"other groups do not wait",
			`SendMessage, MessageGroupId: messages of "different message groups" can be processed at once, those of one group "one at a time, in strict order"`,
			"a0, then b0",
			func(p *probe) {
				url := p.queue("q.fifo")
				p.send(url, "a0", inGroup("a", "1"))
				p.send(url, "a1", inGroup("a", "2"))
				p.send(url, "b0", inGroup("b", "3"))
				first := *p.one(url).Body
				p.notef("%s, then %s", first, strings.Join(bodies(p.receive(url, 1)), " "))
			},
		},
		{
			"a message that comes back is the first of its group",
			`SendMessage, MessageGroupId: "always processed one at a time, in strict order"`,
			"0 again; count 2",
			func(p *probe) {
				url := p.queue("q.fifo", "VisibilityTimeout=1")
				p.sendGroup(url, "g", 2)
				p.one(url)
				again := p.one(url)
				p.notef("%s again; count %d", *again.Body, receives(again))
			},
		},
		{
			"deduplication by id",
			`SendMessage, MessageDeduplicationId: "accepted successfully but aren't delivered during the 5-minute deduplication interval"`,
			"same message id true; received x",
			func(p *probe) {
				url := p.queue("q.fifo")
				first := p.send(url, "x", inGroup("g", "1"))
				second := p.send(url, "y", inGroup("g", "1"))
				p.notef("same message id %t", *first.MessageId == *second.MessageId)
				p.notef("received %s", strings.Join(bodies(p.receive(url, 2)), " "))
			},
		},
		{
			"deduplication holds after the delete",
			`SendMessage: SQS "continues to keep track of the message deduplication ID even after the message is received and deleted"`,
			"left 0",
			func(p *probe) {
				url := p.queue("q.fifo")
				p.send(url, "x", inGroup("g", "1"))
				p.delete(url, p.one(url))
				p.send(url, "x", inGroup("g", "1"))
				p.notef("left %d", len(p.receive(url, 1)))
			},
		},
		{
			"deduplication by content",
			`SendMessage: with ContentBasedDeduplication, "messages with identical content" sent within 5 minutes are duplicates`,
			"received x y",
			func(p *probe) {
				url := p.queue("q.fifo", "ContentBasedDeduplication=true")
				for _, body := range []string{"x", "x", "y"} {
					p.send(url, body, inGroup("g", ""))
				}
				p.notef("received %s", strings.Join(p.work(url), " "))
			},
		},
		{
			"what a FIFO queue refuses",
			`SendMessage: a group is required, up to 128 characters; without a deduplication id "the action fails with an error"; "you can't set DelaySeconds per message"`,
			"no group: MissingParameter; no deduplication: InvalidParameterValue; " +
				"delay: InvalidParameterValue; long group: InvalidParameterValue",
			func(p *probe) {
				url := p.queue("q.fifo")
				p.refused(url, "no group", "x", func(in *sqs.SendMessageInput) { in.MessageDeduplicationId = aws.String("1") })
				p.refused(url, "no deduplication", "x", inGroup("g", ""))
				p.refused(url, "delay", "x", inGroup("g", "2"), delayed(1))
				p.refused(url, "long group", "x", inGroup(strings.Repeat("g", 129), "3"))
			},
		},
		{
			"FIFO queues have names in .fifo",
			`CreateQueue: "A FIFO queue name must end with the .fifo suffix", and no other name has a period`,
			"attribute without the name: refused true; name without the attribute: refused true",
			func(p *probe) {
				_, err := p.create("q", "FifoQueue=true")
				p.notef("attribute without the name: refused %t", err != nil)
				_, err = p.CreateQueue(p.ctx, &sqs.CreateQueueInput{QueueName: aws.String(p.prefix + "r.fifo")})
				p.notef("name without the attribute: refused %t", err != nil)
			},
		},
		{
			"what a message of a FIFO queue says",
			"ReceiveMessage: MessageGroupId and MessageDeduplicationId as sent, SequenceNumber as SendMessage returned it",
			"group g, deduplication 1, sequence true",
			func(p *probe) {
				url := p.queue("q.fifo")
				sent := p.send(url, "x", inGroup("g", "1"))
				m := p.one(url).Attributes
				p.notef("group %s, deduplication %s, sequence %t", m["MessageGroupId"], m["MessageDeduplicationId"],
					m["SequenceNumber"] != "" && m["SequenceNumber"] == aws.ToString(sent.SequenceNumber))
			},
		},
		{
			"sequence numbers grow",
			`SendMessage, SequenceNumber: "The length of SequenceNumber is 128 bits", it "continues to increase for a particular MessageGroupId"`,
			"true",
			func(p *probe) {
				url := p.queue("q.fifo")
				first := aws.ToString(p.send(url, "x", inGroup("g", "1")).SequenceNumber)
				second := aws.ToString(p.send(url, "y", inGroup("g", "2")).SequenceNumber)
				p.notef("%t", len(first) == len(second) && first < second)
			},
		},
	}
}

// sendGroup sends messages "0", "1" and so on to a group.
func (p *probe) sendGroup(url *string, group string, n int) {
	for i := range n {
		p.send(url, fmt.Sprint(i), inGroup(group, fmt.Sprint(group, i)))
	}
}

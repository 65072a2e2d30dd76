//go:build e2e

package e2e_test

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func receiveChecks() []check {
	return []check{
		{
			"parameters of a receive",
			"ReceiveMessage: MaxNumberOfMessages 1 to 10, WaitTimeSeconds 0 to 20, VisibilityTimeout 0 to 43200",
			"11 messages: InvalidParameterValue; 0 messages: ok; 21 s: InvalidParameterValue; " +
				"43201 s invisible: InvalidParameterValue",
			receiveParameters,
		},
		{
			"a long poll waits for a message",
			`ReceiveMessage, WaitTimeSeconds: "If a message is available, the call returns sooner than WaitTimeSeconds"`,
			"1 message after 1 s",
			func(p *probe) {
				url := p.queue("q")
				start := time.Now()
				sent := make(chan error, 1)
				timer := time.AfterFunc(time.Second, func() {
					_, err := p.SendMessage(p.ctx, message(url, "x"))
					sent <- err
				})
				defer timer.Stop()
				messages := p.receive(url, 10)
				p.notef("%d message after %s", len(messages), after(start, 1))
				p.try(<-sent)
			},
		},
		{
			"a long poll that finds nothing",
			`ReceiveMessage, WaitTimeSeconds: "If no messages are available and the wait time expires, the call does not return a message list"`,
			"0 messages after 2 s",
			func(p *probe) {
				start := time.Now()
				messages := p.receive(p.queue("q"), 2)
				p.notef("%d messages after %s", len(messages), after(start, 2))
			},
		},
		{
			"the wait of a queue",
			"CreateQueue, ReceiveMessageWaitTimeSeconds: how long a ReceiveMessage waits; it counts when a receive says nothing",
			"0 messages after 2 s",
			func(p *probe) {
				url := p.queue("q", "ReceiveMessageWaitTimeSeconds=2")
				start := time.Now()
				messages := p.receive(url, 0)
				p.notef("%d messages after %s", len(messages), after(start, 2))
			},
		},
		{
			"how many messages",
			`ReceiveMessage, MaxNumberOfMessages: "Amazon SQS never returns more messages than this value"`,
			"3, then 2",
			func(p *probe) {
				url := p.queue("q")
				_, err := p.sendAll(url, entries(5, "")...)
				p.try(err)
				first := len(p.receive(url, 1, atMost(3)))
				p.notef("%d, then %d", first, len(p.receive(url, 1)))
			},
		},
		{
			"a message that is deleted",
			"DeleteMessage; Developer Guide: deleting a message again succeeds",
			"ok, again ok, left 0",
			func(p *probe) {
				url := p.queue("q", "VisibilityTimeout=1")
				p.send(url, "x")
				in := &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: p.one(url).ReceiptHandle}
				_, err := p.DeleteMessage(p.ctx, in)
				_, again := p.DeleteMessage(p.ctx, in)
				p.notef("%s, again %s, left %d", outcome(err), outcome(again), len(p.receive(url, 2)))
			},
		},
		{
			"a receipt handle that never was",
			`error ReceiptHandleIsInvalid: "The specified receipt handle isn't valid"`,
			"ReceiptHandleIsInvalid",
			func(p *probe) {
				_, err := p.DeleteMessage(p.ctx, &sqs.DeleteMessageInput{QueueUrl: p.queue("q"), ReceiptHandle: aws.String("bogus")})
				p.notef("%s", outcome(err))
			},
		},
		{
			"a receipt handle of an earlier receive",
			`DeleteMessage leaves it open: "the request will succeed, but the message might not be deleted"`,
			"ok, left 1",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x")
				first := p.one(url, invisible(1))
				p.one(url, invisible(1))
				_, err := p.DeleteMessage(p.ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: first.ReceiptHandle})
				p.notef("%s, left %d", outcome(err), len(p.receive(url, 3)))
			},
		},
	}
}

func receiveParameters(p *probe) {
	url := p.queue("q")
	for _, c := range []struct {
		what   string
		change func(in *sqs.ReceiveMessageInput)
	}{
		{"11 messages", atMost(11)},
		{"0 messages", atMost(0)}, // the SDK leaves out a zero, so that the default of 1 counts
		{"21 s", func(in *sqs.ReceiveMessageInput) { in.WaitTimeSeconds = 21 }},
		{"43201 s invisible", invisible(43_201)},
	} {
		in := &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10}
		c.change(in)
		_, err := p.ReceiveMessage(p.ctx, in)
		p.notef("%s: %s", c.what, outcome(err))
	}
}

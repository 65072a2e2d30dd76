//go:build e2e

package e2e_test

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func visibilityChecks() []check {
	return []check{
		{
			"a message that is not deleted comes back",
			`ReceiveMessage: the visibility timeout hides a message; DeleteMessage: "a different ReceiptHandle each time"`,
			"count 1; at once 0; after 2 s count 2; same id true; new receipt handle true",
			func(p *probe) {
				url := p.queue("q", "VisibilityTimeout=2")
				p.send(url, "x")
				start := time.Now()
				first := p.one(url)
				p.notef("count %d", receives(first))
				p.notef("at once %d", len(p.receive(url, 0)))
				second := p.one(url)
				p.notef("after %s count %d", after(start, 2), receives(second))
				p.notef("same id %t", *first.MessageId == *second.MessageId)
				p.notef("new receipt handle %t", *first.ReceiptHandle != *second.ReceiptHandle)
			},
		},
		{
			"the timeout of a receive",
			`ReceiveMessage, VisibilityTimeout: "applied to the messages that Amazon SQS returns in the response"`,
			"after 1 s",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x")
				start := time.Now()
				p.one(url, invisible(1))
				p.one(url)
				p.notef("after %s", after(start, 1))
			},
		},
		{
			"a message that is given back",
			`ChangeMessageVisibility: "The minimum is 0 seconds"; ApproximateReceiveCount: "the number of times a message has been received"`,
			"ok, after 0 s count 2",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x")
				err := p.hide(url, p.one(url).ReceiptHandle, 0)
				start := time.Now()
				again := p.one(url)
				p.notef("%s, after %s count %d", outcome(err), after(start, 0), receives(again))
			},
		},
		{
			"a parked poll gets a message that is given back",
			`ReceiveMessage, WaitTimeSeconds: "If a message is available, the call returns sooner than WaitTimeSeconds"`,
			"after 1 s",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x")
				m := p.one(url)
				changed := make(chan error, 1)
				start := time.Now()
				timer := time.AfterFunc(time.Second, func() { changed <- p.hide(url, m.ReceiptHandle, 0) })
				defer timer.Stop()
				p.one(url)
				p.notef("after %s", after(start, 1))
				p.try(<-changed)
			},
		},
		{
			"a message that is held longer",
			`ChangeMessageVisibility: the new timeout counts "from the time that you make the ChangeMessageVisibility call"`,
			"ok, after 3 s",
			func(p *probe) {
				url := p.queue("q", "VisibilityTimeout=1")
				p.send(url, "x")
				m := p.one(url)
				start := time.Now()
				err := p.hide(url, m.ReceiptHandle, 3)
				p.receive(url, 2)
				p.one(url)
				p.notef("%s, after %s", outcome(err), after(start, 3))
			},
		},
		{
			"changes that are refused",
			`ChangeMessageVisibility: 0 to 43,200 s; "If you attempt to set the VisibilityTimeout to a value greater than the maximum time left, Amazon SQS returns an error"`,
			"43201: InvalidParameterValue; -1: InvalidParameterValue; bogus: ReceiptHandleIsInvalid; " +
				"past 12 h: InvalidParameterValue",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x")
				receipt := p.one(url, invisible(5)).ReceiptHandle
				p.notef("43201: %s", outcome(p.hide(url, receipt, 43_201)))
				p.notef("-1: %s", outcome(p.hide(url, receipt, -1)))
				p.notef("bogus: %s", outcome(p.hide(url, aws.String("bogus"), 1)))
				p.receive(url, 1)
				p.notef("past 12 h: %s", outcome(p.hide(url, receipt, 43_200)))
			},
		},
		{
			"a change after the timeout",
			`ChangeMessageVisibility: a change after the timeout "might result in an error"; error MessageNotInflight: "The specified message isn't in flight"`,
			"MessageNotInflight",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x")
				receipt := p.one(url, invisible(1)).ReceiptHandle
				p.receive(p.queue("other"), 2)
				p.notef("%s", outcome(p.hide(url, receipt, 10)))
			},
		},
		{
			"a change after the delete",
			`ChangeMessageVisibility applies to messages in flight: "received from a queue by a consumer, but not yet deleted"`,
			"refused true",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x")
				m := p.one(url)
				p.delete(url, m)
				p.notef("refused %t", p.hide(url, m.ReceiptHandle, 10) != nil)
			},
		},
	}
}

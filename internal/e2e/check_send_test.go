//go:build e2e

package e2e_test

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// mebibyte is the most that a message may have.
const mebibyte = 1 << 20

func sendChecks() []check {
	return []check{
		{
			"a body comes back unchanged",
			`SendMessage allows "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"`,
			"same true",
			func(p *probe) {
				url := p.queue("q")
				body := "tab\t, newline\n, return\r, \u00e9, \u2028, \ud7ff\ue000\ufffd, \U00010000\U0010ffff, <&>\"\\"
				p.send(url, body)
				p.notef("same %t", *p.one(url).Body == body)
			},
		},
		{
			"characters that no body may have",
			"SendMessage: characters outside the allowed set are an InvalidMessageContents error",
			"U+0000: InvalidMessageContents; U+001F: InvalidMessageContents; " +
				"U+FFFE: InvalidMessageContents; U+FFFF: InvalidMessageContents",
			func(p *probe) {
				url := p.queue("q")
				p.refused(url, "U+0000", "a\x00")
				p.refused(url, "U+001F", "a\x1f")
				p.refused(url, "U+FFFE", "a\ufffe")
				p.refused(url, "U+FFFF", "a\uffff")
			},
		},
		{
			"an empty body",
			`SendMessage, MessageBody: "The minimum size is one character"`,
			"refused true",
			func(p *probe) {
				_, err := p.SendMessage(p.ctx, message(p.queue("q"), ""))
				p.notef("refused %t", err != nil)
			},
		},
		{
			"the size of a message",
			`SendMessage: at most "1 MiB or 1,048,576 bytes"; name, type and value of attributes count (Developer Guide, message metadata)`,
			"1 MiB: ok; 1 MiB and a byte: InvalidParameterValue; with an attribute: InvalidParameterValue",
			func(p *probe) {
				url := p.queue("q")
				p.refused(url, "1 MiB", strings.Repeat("a", mebibyte))
				p.refused(url, "1 MiB and a byte", strings.Repeat("a", mebibyte+1))
				p.refused(url, "with an attribute", strings.Repeat("a", mebibyte), attribute("k", "String", "v"))
			},
		},
		{
			"the size that a queue allows",
			`CreateQueue, MaximumMessageSize: "how many bytes a message can contain before Amazon SQS rejects it"`,
			"1024: ok; 1025: InvalidParameterValue",
			func(p *probe) {
				url := p.queue("q", "MaximumMessageSize=1024")
				p.refused(url, "1024", strings.Repeat("a", 1024))
				p.refused(url, "1025", strings.Repeat("a", 1025))
			},
		},
		{
			"a delayed message",
			`SendMessage, DelaySeconds: available "after the delay period is finished"; a long poll returns sooner than its wait when a message is`,
			"at once 0; after 2 s 1",
			func(p *probe) {
				url := p.queue("q")
				start := time.Now()
				p.send(url, "x", delayed(2))
				p.notef("at once %d", len(p.receive(url, 0)))
				messages := p.receive(url, 6)
				p.notef("after %s %d", after(start, 2), len(messages))
			},
		},
		{
			"the delay of a queue",
			`CreateQueue, DelaySeconds: "the delivery of all messages in the queue is delayed"; a long poll returns sooner than its wait`,
			"at once 0; after 2 s 1",
			func(p *probe) {
				url := p.queue("q", "DelaySeconds=2")
				start := time.Now()
				p.send(url, "x")
				p.notef("at once %d", len(p.receive(url, 0)))
				messages := p.receive(url, 6)
				p.notef("after %s %d", after(start, 2), len(messages))
			},
		},
		{
			"delays that are too long",
			`SendMessage, DelaySeconds: "Valid values: 0 to 900"`,
			"900: ok; 901: InvalidParameterValue; -1: InvalidParameterValue",
			func(p *probe) {
				url := p.queue("q")
				p.refused(url, "900", "x", delayed(900))
				p.refused(url, "901", "x", delayed(901))
				p.refused(url, "-1", "x", delayed(-1))
			},
		},
		{
			"a group on a standard queue",
			`SendMessage, MessageGroupId: "In standard queues, using MessageGroupId enables fair queues"`,
			"ok, group tenant",
			func(p *probe) {
				url := p.queue("q")
				_, err := p.SendMessage(p.ctx, message(url, "x", inGroup("tenant", "")))
				p.try(err)
				p.notef("%s, group %s", outcome(err), orNone(p.one(url).Attributes["MessageGroupId"]))
			},
		},
		{
			"a deduplication id on a standard queue",
			`SendMessage, MessageDeduplicationId: "applies only to FIFO (first-in-first-out) queues"`,
			"x: InvalidParameterValue",
			func(p *probe) {
				p.refused(p.queue("q"), "x", "x", func(in *sqs.SendMessageInput) { in.MessageDeduplicationId = aws.String("1") })
			},
		},
	}
}

func delayed(seconds int32) func(*sqs.SendMessageInput) {
	return func(in *sqs.SendMessageInput) { in.DelaySeconds = seconds }
}

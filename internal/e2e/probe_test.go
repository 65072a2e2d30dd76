//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// A probe runs one case against one service, and notes what it sees.
type probe struct {
	*sqs.Client

	ctx    context.Context //nolint:containedctx // a probe lives as long as its case
	prefix string          // of its queues
	notes  []string
}

// stopped is the panic of a case that cannot go on.
type stopped struct{}

func (p *probe) notef(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// story is all that was noted.
func (p *probe) story() string { return strings.Join(p.notes, "; ") }

// try notes how a call ended that is not what the case is about, if it failed: the case
// ends then.
func (p *probe) try(err error) {
	if err != nil {
		p.notef("stopped by %s", outcome(err))
		panic(stopped{})
	}
}

// outcome names an error by the SDK's type for it, or by its code when there is none.
func outcome(err error) string {
	var generic *smithy.GenericAPIError
	var answer smithy.APIError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &generic):
		return shortCode(generic.Code)
	case errors.As(err, &answer):
		return strings.TrimPrefix(fmt.Sprintf("%T", answer), "*types.")
	}
	return "no answer that the SDK takes"
}

// shortCode leaves out the name space of a code.
func shortCode(code string) string {
	return code[strings.LastIndexAny(code, "#.")+1:]
}

// queue creates a queue and returns its URL. A name that ends in .fifo makes a FIFO
// queue.
func (p *probe) queue(name string, attributes ...string) *string {
	out, err := p.create(name, attributes...)
	p.try(err)
	return out.QueueUrl
}

// create creates a queue whose attributes are given as "name=value".
func (p *probe) create(name string, attributes ...string) (*sqs.CreateQueueOutput, error) {
	in := &sqs.CreateQueueInput{QueueName: aws.String(p.prefix + name), Attributes: map[string]string{}}
	if strings.HasSuffix(name, ".fifo") {
		in.Attributes["FifoQueue"] = "true"
	}
	for _, attribute := range attributes {
		name, value, _ := strings.Cut(attribute, "=")
		in.Attributes[name] = value
	}
	return p.CreateQueue(p.ctx, in)
}

// redrive creates a queue and its dead-letter queue, and returns both URLs.
func (p *probe) redrive(name string, receives int) (source, letters *string) {
	suffix := ""
	if plain, fifo := strings.CutSuffix(name, ".fifo"); fifo {
		name, suffix = plain, ".fifo"
	}
	letters = p.queue(name + "-DLQ" + suffix)
	policy := fmt.Sprintf(`RedrivePolicy={"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, p.arn(letters), receives)
	return p.queue(name+suffix, policy), letters
}

func (p *probe) arn(url *string) string { return p.attribute(url, types.QueueAttributeNameQueueArn) }

func (p *probe) attribute(url *string, name types.QueueAttributeName) string {
	out, err := p.GetQueueAttributes(p.ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: url, AttributeNames: []types.QueueAttributeName{name},
	})
	p.try(err)
	return out.Attributes[string(name)]
}

// message is a SendMessageInput with a body.
func message(url *string, body string, change ...func(*sqs.SendMessageInput)) *sqs.SendMessageInput {
	in := &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String(body)}
	for _, c := range change {
		c(in)
	}
	return in
}

func (p *probe) send(url *string, body string, change ...func(*sqs.SendMessageInput)) *sqs.SendMessageOutput {
	out, err := p.SendMessage(p.ctx, message(url, body, change...))
	p.try(err)
	return out
}

// refused notes how a send ends that should fail, or should not.
func (p *probe) refused(url *string, what, body string, change ...func(*sqs.SendMessageInput)) {
	_, err := p.SendMessage(p.ctx, message(url, body, change...))
	p.notef("%s: %s", what, outcome(err))
}

// inGroup puts a message in a group of a FIFO queue.
func inGroup(group, deduplication string) func(*sqs.SendMessageInput) {
	return func(in *sqs.SendMessageInput) {
		in.MessageGroupId = aws.String(group)
		if deduplication != "" {
			in.MessageDeduplicationId = aws.String(deduplication)
		}
	}
}

// receive makes one receive of up to ten messages, with all attributes and a wait in
// seconds.
func (p *probe) receive(url *string, wait int32, change ...func(*sqs.ReceiveMessageInput)) []types.Message {
	in := &sqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: wait, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	}
	in.AttributeNames = []types.QueueAttributeName{types.QueueAttributeNameAll} //nolint:staticcheck // one service knows no other
	for _, c := range change {
		c(in)
	}
	out, err := p.ReceiveMessage(p.ctx, in)
	p.try(err)
	return out.Messages
}

func invisible(seconds int32) func(*sqs.ReceiveMessageInput) {
	return func(in *sqs.ReceiveMessageInput) { in.VisibilityTimeout = seconds }
}

func atMost(n int32) func(*sqs.ReceiveMessageInput) {
	return func(in *sqs.ReceiveMessageInput) { in.MaxNumberOfMessages = n }
}

// one receives a single message, and ends the case when there is none.
func (p *probe) one(url *string, change ...func(*sqs.ReceiveMessageInput)) types.Message {
	messages := p.receive(url, 3, append(change, atMost(1))...)
	if len(messages) == 0 {
		p.notef("stopped, for want of a message")
		panic(stopped{})
	}
	return messages[0]
}

func (p *probe) delete(url *string, messages ...types.Message) {
	for _, m := range messages {
		_, err := p.DeleteMessage(p.ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle})
		p.try(err)
	}
}

func (p *probe) hide(url, receipt *string, seconds int32) error {
	_, err := p.ChangeMessageVisibility(p.ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: url, ReceiptHandle: receipt, VisibilityTimeout: seconds,
	})
	return err
}

// drain receives until nothing comes, and returns the bodies in order.
func (p *probe) drain(url *string, wait int32) []string {
	var all []string
	for {
		messages := p.receive(url, wait)
		if len(messages) == 0 {
			return all
		}
		all = append(all, bodies(messages)...)
	}
}

// work receives and deletes until nothing comes, and returns the bodies in order.
func (p *probe) work(url *string) []string {
	var all []string
	for {
		messages := p.receive(url, 1)
		if len(messages) == 0 {
			return all
		}
		all = append(all, bodies(messages)...)
		p.delete(url, messages...)
	}
}

func bodies(messages []types.Message) []string {
	var texts []string
	for _, m := range messages {
		texts = append(texts, aws.ToString(m.Body))
	}
	return texts
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// sorted lists bodies for a queue without an order.
func sorted(texts []string) string { return strings.Join(slices.Sorted(slices.Values(texts)), " ") }

func receives(m types.Message) int {
	n, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	if err != nil {
		return -1
	}
	return n
}

// after says that it is about so many seconds since start: not less, and not two more, as
// a machine with much else to do may take. Start is before the call that begins the time,
// since its answer may be late.
func after(start time.Time, want int) string {
	switch passed := time.Since(start) - time.Duration(want)*time.Second; {
	case passed < -200*time.Millisecond:
		return "less"
	case passed > 2*time.Second:
		return "much more"
	}
	return fmt.Sprintf("%d s", want)
}

package queues

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Purge is the command `taskhawk purge`.
type Purge struct {
	Queue   string `arg:""                                                    help:"Name of the queue."`
	Confirm string `help:"The queue's name again, to confirm without a terminal." placeholder:"QUEUE"`
}

// Help has examples.
func (*Purge) Help() string {
	return `All messages of the queue are deleted for good, those in flight included. SQS takes up
to a minute. To delete some dead letters, or with copies, use taskhawk dlq drop.

Examples:
  taskhawk purge TASKHAWK-DEV-MYAPP-BULK`
}

// Run deletes the messages.
func (c *Purge) Run(ctx context.Context, p *program.Program) error {
	client, err := p.SQS(ctx)
	if err != nil {
		return err
	}
	in := &sqs.GetQueueUrlInput{QueueName: &c.Queue}
	if p.Account != "" {
		in.QueueOwnerAWSAccountId = &p.Account
	}
	url, err := client.GetQueueUrl(ctx, in)
	if err != nil {
		if isMissing(err) {
			if priority, err := taskhawk.ParsePriority(c.Queue); err == nil && p.App != "" {
				name := sqsx.QueueName(p.App, priority)
				return program.Usagef("purge needs the whole name of the queue, such as %s", name)
			}
			return fmt.Errorf("queue %s does not exist in this account and region", c.Queue)
		}
		return fmt.Errorf("queue %s: %w", c.Queue, err)
	}
	about, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       url.QueueUrl,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages},
	})
	if err != nil {
		return fmt.Errorf("queue %s: %w", c.Queue, err)
	}
	waiting := about.Attributes[string(types.QueueAttributeNameApproximateNumberOfMessages)]
	question := fmt.Sprintf("Delete all messages of %s for good? About %s wait.", program.Line(c.Queue), waiting)
	if err := p.ConfirmName(ctx, c.Confirm, c.Queue, question); err != nil {
		return err
	}
	if _, err := client.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: url.QueueUrl}); err != nil {
		return fmt.Errorf("queue %s: %w", c.Queue, err)
	}
	if p.JSON {
		return p.Document(map[string]string{"queue": c.Queue, "waiting": waiting})
	}
	p.Printf("%s is purged: about %s messages\n", c.Queue, waiting)
	return nil
}

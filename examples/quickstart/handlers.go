package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func (d *demo) sendEmail(ctx context.Context, args SendEmailArgs) error {
	meta := taskhawk.MetadataFrom(ctx)
	from := "nobody in particular"
	if args.FromEmail != nil {
		from = *args.FromEmail
	}
	d.sayf("  ran %s for %s: priority %s, attempt %d, headers %v, from %s",
		meta.Task, args.To, meta.Priority, meta.Attempt, meta.Headers, from)
	d.ran <- meta.Task
	return nil
}

// importFeed fails once, as things on a network do.
func (d *demo) importFeed(ctx context.Context, args ImportFeedArgs) error {
	meta := taskhawk.MetadataFrom(ctx)
	if d.fetches.Add(1) == 1 {
		d.sayf("  %s, attempt %d: %s does not answer, again in a second", meta.Task, meta.Attempt, args.URL)
		return taskhawk.RetryAfter(time.Second, errors.New("the feed does not answer"))
	}
	d.sayf("  %s, attempt %d: imported", meta.Task, meta.Attempt)
	d.ran <- meta.Task
	return nil
}

// chargeCard fails for good while the card service is down.
func (d *demo) chargeCard(ctx context.Context, args ChargeCardArgs) error {
	meta := taskhawk.MetadataFrom(ctx)
	if !d.cardService.Load() {
		d.sayf(
			"  %s, attempt %d: order %d cannot be charged, no use in retrying",
			meta.Task,
			meta.Attempt,
			args.OrderID,
		)
		return taskhawk.Permanent(errors.New("the card service is gone"))
	}
	d.sayf("  %s, attempt %d: order %d charged", meta.Task, meta.Attempt, args.OrderID)
	d.ran <- meta.Task
	return nil
}

// waitForDeadLetter looks at the dead-letter queue as an operator would, and puts the
// message back unchanged.
func (d *demo) waitForDeadLetter(ctx context.Context) error {
	name := sqsx.DeadLetterQueueName(sqsx.QueueName(queue, taskhawk.High))
	found, err := d.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return err
	}
	out, err := d.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: found.QueueUrl, WaitTimeSeconds: 20, VisibilityTimeout: 60, MessageAttributeNames: []string{"All"},
	})
	if err != nil {
		return err
	}
	if len(out.Messages) == 0 {
		return fmt.Errorf("nothing on %s", name)
	}
	letter := out.Messages[0]
	d.sayf("  on %s: task %s, reason %q", name, text(letter, "taskhawk_task"), text(letter, "taskhawk_reason"))
	_, err = d.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: found.QueueUrl, ReceiptHandle: letter.ReceiptHandle, VisibilityTimeout: 0,
	})
	return err
}

func text(message types.Message, attribute string) string {
	return aws.ToString(message.MessageAttributes[attribute].StringValue)
}

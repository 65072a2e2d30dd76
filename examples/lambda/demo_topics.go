package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/taskhawk/taskhawk-go/examples/lambda/tasks"
	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// accountID is the account of the embedded server.
const accountID = "000000000000"

// subscribe makes the topics of template.yaml: one triggers a function, two send to
// queues.
func (d *demo) subscribe(ctx context.Context) error {
	function := d.server.Register("sns", func(ctx context.Context, event []byte) error {
		result, err := d.topics.Invoke(ctx, event)
		if err == nil && result.Error != nil {
			err = result.Error
		}
		if err == nil {
			d.ordered <- struct{}{}
		}
		return err
	})
	for priority, to := range map[taskhawk.Priority]struct{ protocol, endpoint string }{
		taskhawk.Default: {"lambda", function},
		taskhawk.High:    {"sqs", d.server.Queue(sqsx.QueueName(tasks.App, taskhawk.High)).ARN},
		taskhawk.Low:     {"sqs", d.server.Queue(sqsx.QueueName(tasks.App, taskhawk.Low)).ARN},
	} {
		topic, err := d.server.SNSClient().CreateTopic(
			ctx,
			&sns.CreateTopicInput{Name: aws.String(lambdax.TopicName(tasks.App, priority))},
		)
		if err != nil {
			return err
		}
		subscription := &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: &to.protocol, Endpoint: &to.endpoint}
		if to.protocol == "sqs" {
			subscription.Attributes = map[string]string{"RawMessageDelivery": "true"}
		}
		if _, err := d.server.SNSClient().Subscribe(ctx, subscription); err != nil {
			return err
		}
	}
	return nil
}

// order dispatches a task to the topic, whose function dispatches two more.
func (d *demo) order(ctx context.Context) error {
	d.account.sayf("\n== A topic triggers a function")
	publisher, err := lambdax.NewPublisher(d.server.SNSClient(), tasks.App, lambdax.PublisherConfig{Account: accountID})
	if err != nil {
		return err
	}
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{tasks.PlaceOrder}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	order := tasks.PlaceOrderArgs{OrderID: 1, Cents: 1999, Email: "ann@example.com"}
	if _, err := tasks.PlaceOrder.Dispatch(taskhawk.ContextWithHub(ctx, hub), order); err != nil {
		return err
	}
	for _, priority := range []taskhawk.Priority{taskhawk.High, taskhawk.Low} {
		if err := d.arrived(ctx, sqsx.QueueName(tasks.App, priority)); err != nil {
			return err
		}
	}
	// The function may still run: it logs the order after its tasks have been sent.
	select {
	case <-d.ordered:
		return nil
	case <-ctx.Done():
		return errors.New("the function did not end in time")
	}
}

// arrived waits for a message on a queue, and looks at it as an operator would.
func (d *demo) arrived(ctx context.Context, queue string) error {
	for {
		if messages := d.server.Queue(queue).Messages; len(messages) > 0 {
			d.account.sayf("  on %s: %s", queue, messages[0].Attributes["taskhawk_task"])
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return errors.New("nothing arrived on " + queue + " in time")
		}
	}
}

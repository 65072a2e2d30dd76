package main

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wsqs "github.com/ThreeDotsLabs/watermill-aws/sqs"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"gocloud.dev/pubsub/awssnssqs"
	"golang.org/x/sync/errgroup"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func workOurs(ctx context.Context, e *env) error {
	worker, err := sqsx.NewWorker(e.client, app, e.hub, sqsx.WorkerConfig{
		Concurrency: e.row.concurrency, Priorities: taskhawk.Priorities()[:e.row.queues], AbortPolls: true,
	})
	if err != nil {
		return err
	}
	return worker.Run(ctx)
}

// received is a message of a loop by hand.
type received struct{ url, receipt string }

// workByHand is what one writes for one program: as many receives in flight as the row
// needs, handlers that take what they bring, and deletes in tens beside them. It knows no
// leases, no weights and no stop.
func workByHand(ctx context.Context, e *env) error {
	receives := e.row.receives()
	waiting := make(chan received, receives*batch)
	var group errgroup.Group
	for _, url := range e.urls {
		done := make(chan received, e.row.concurrency)
		for range receives {
			group.Go(func() error { return receiveLoop(ctx, e.client, url, waiting) })
			group.Go(func() error { return deleteLoop(ctx, e.client, url, done) })
		}
		for range e.row.concurrency / len(e.urls) {
			group.Go(func() error {
				for {
					select {
					case m := <-waiting:
						e.handle()
						select {
						case done <- m:
						case <-ctx.Done():
						}
					case <-ctx.Done():
						return nil
					}
				}
			})
		}
	}
	return group.Wait()
}

func receiveLoop(ctx context.Context, client *sqs.Client, url string, waiting chan<- received) error {
	for {
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: batch, WaitTimeSeconds: 20,
			MessageAttributeNames:       []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		})
		if err != nil {
			return untilDone(ctx, err)
		}
		for _, m := range out.Messages {
			select {
			case waiting <- received{url, *m.ReceiptHandle}:
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// deleteLoop deletes in tens, or what there is after 10 ms.
func deleteLoop(ctx context.Context, client *sqs.Client, url string, done <-chan received) error {
	for {
		var entries []types.DeleteMessageBatchRequestEntry
		var late <-chan time.Time // no limit for the first
	gather:
		for len(entries) < batch {
			select {
			case m := <-done:
				entries = append(entries, types.DeleteMessageBatchRequestEntry{
					Id: aws.String(strconv.Itoa(len(entries))), ReceiptHandle: aws.String(m.receipt),
				})
				if late == nil {
					late = time.After(10 * time.Millisecond)
				}
			case <-late:
				break gather
			case <-ctx.Done():
				return nil
			}
		}
		in := &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: entries}
		if _, err := client.DeleteMessageBatch(ctx, in); err != nil {
			return untilDone(ctx, err)
		}
	}
}

// workGocloud has a subscription for each queue, which receives as many at once as it
// thinks fit, and a goroutine for each handler.
func workGocloud(ctx context.Context, e *env) error {
	var group errgroup.Group
	for _, url := range e.urls {
		subscription := awssnssqs.OpenSubscription(ctx, e.client, url, &awssnssqs.SubscriptionOptions{
			Raw: true, WaitTime: 20 * time.Second,
		})
		var handlers sync.WaitGroup
		for range e.row.concurrency / len(e.urls) {
			handlers.Go(func() {
				for {
					m, err := subscription.Receive(ctx)
					if err != nil {
						return
					}
					e.handle()
					m.Ack()
				}
			})
		}
		group.Go(func() error {
			handlers.Wait()
			limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return subscription.Shutdown(limited)
		})
	}
	return group.Wait()
}

// workWatermill has as many consumers as handlers: each receives ten, and runs and deletes
// one after another.
func workWatermill(ctx context.Context, e *env) error {
	o := e.client.Options()
	endpoint := func(o *sqs.Options) { o.BaseEndpoint = aws.String(e.server.URL) }
	subscriber, err := wsqs.NewSubscriber(wsqs.SubscriberConfig{
		AWSConfig:                   aws.Config{Region: o.Region, Credentials: o.Credentials, HTTPClient: o.HTTPClient},
		OptFns:                      []func(*sqs.Options){endpoint},
		DoNotCreateQueueIfNotExists: true,
		ConsumeWorkers:              max(e.row.concurrency/len(e.queues), 1),
		GenerateReceiveMessageInput: receiveTen,
	}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	var group errgroup.Group
	for _, name := range e.queues {
		messages, err := subscriber.Subscribe(ctx, name)
		if err != nil {
			return err
		}
		group.Go(func() error {
			var handlers sync.WaitGroup
			for m := range messages {
				handlers.Go(func() { ack(e, m) })
			}
			handlers.Wait()
			return nil
		})
	}
	return errors.Join(group.Wait(), subscriber.Close())
}

func ack(e *env, m *message.Message) {
	e.handle()
	m.Ack()
}

func receiveTen(ctx context.Context, url wsqs.QueueURL) (*sqs.ReceiveMessageInput, error) {
	input, err := wsqs.GenerateReceiveMessageInputDefault(ctx, url)
	if err == nil {
		input.MaxNumberOfMessages, input.WaitTimeSeconds = batch, 20
	}
	return input, err
}

// untilDone is err, but nil once ctx has ended: a loop that is told to end has no error.
func untilDone(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

package transport

import (
	"context"
	"encoding/json"

	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/awssnssqs"
	"gocloud.dev/pubsub/batcher"
	"golang.org/x/sync/errgroup"

	"github.com/taskhawk/taskhawk-go/bench"
)

// gocloudPublish is gocloud.dev/pubsub with as many calls in flight as our publisher has.
// By default it is a hundred, and then every message gets its own call.
func gocloudPublish() contender {
	return contender{
		name:  "gocloud",
		title: "gocloud.dev/pubsub, `json.Marshal`",
		kind:  bench.Rival,
		start: func(r *env) (func() error, error) {
			topic := r.gocloudTopic()
			r.later(topic.Shutdown)
			return func() error { return sendEach(r, topic, r.tasks) }, nil
		},
	}
}

func (r *env) gocloudTopic() *pubsub.Topic {
	options := &awssnssqs.TopicOptions{BatcherOptions: batcher.Options{MaxHandlers: inFlight}}
	return awssnssqs.OpenSQSTopic(r.ctx, r.client, *r.url, options)
}

func sendEach(r *env, topic *pubsub.Topic, tasks int) error {
	all := allArgs(tasks)
	return share(dispatchers, tasks, func(n int) error {
		body, err := json.Marshal(all[n])
		if err != nil {
			return err
		}
		return topic.Send(r.ctx, &pubsub.Message{Body: body, Metadata: map[string]string{"task": taskName}})
	})
}

// gocloudWork receives from as many goroutines as our worker has handlers.
func gocloudWork() contender {
	return contender{
		name:  "gocloud",
		title: "gocloud.dev/pubsub, `json.Unmarshal`",
		kind:  bench.Rival,
		start: func(r *env) (func() error, error) {
			topic := r.gocloudTopic()
			if err := sendEach(r, topic, r.tasks); err != nil {
				return nil, err
			}
			r.later(topic.Shutdown)
			subscription := awssnssqs.OpenSubscription(r.ctx, r.client, *r.url, &awssnssqs.SubscriptionOptions{
				Raw: true, AckBatcherOptions: batcher.Options{MaxHandlers: inFlight},
			})
			r.later(subscription.Shutdown)
			return r.work(func(ctx context.Context) error {
				var handlers errgroup.Group
				for range handlersAtOnce {
					handlers.Go(func() error { return receiveEach(ctx, subscription) })
				}
				return handlers.Wait()
			}), nil
		},
	}
}

func receiveEach(ctx context.Context, subscription *pubsub.Subscription) error {
	for {
		message, err := subscription.Receive(ctx)
		if err != nil {
			return untilDone(ctx, err)
		}
		var a args
		if err := json.Unmarshal(message.Body, &a); err != nil {
			return err
		}
		message.Ack()
	}
}

package transport

import (
	"context"
	"encoding/json"

	"github.com/ThreeDotsLabs/watermill"
	wsqs "github.com/ThreeDotsLabs/watermill-aws/sqs"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// watermillPublish sends one message a call, from as many goroutines as it takes for as
// many calls in flight as our publisher has.
func watermillPublish() contender {
	return contender{
		name:  "watermill",
		title: "watermill-aws, `json.Marshal`",
		kind:  bench.Rival,
		start: func(r *env) (func() error, error) {
			publisher, err := r.watermillPublisher()
			if err != nil {
				return nil, err
			}
			return func() error { return r.publishEach(publisher) }, nil
		},
	}
}

func (r *env) watermillPublisher() (*wsqs.Publisher, error) {
	publisher, err := wsqs.NewPublisher(wsqs.PublisherConfig{
		AWSConfig: r.config(), OptFns: []func(*sqs.Options){r.endpoint},
		DoNotCreateQueueIfNotExists: true, Marshaler: wsqs.DefaultMarshalerUnmarshaler{},
	}, watermill.NopLogger{})
	if err == nil {
		r.later(func(context.Context) error { return publisher.Close() })
	}
	return publisher, err
}

func (r *env) publishEach(publisher message.Publisher) error {
	all := allArgs(r.tasks)
	return share(inFlight, r.tasks, func(n int) error {
		body, err := json.Marshal(all[n])
		if err != nil {
			return err
		}
		return publisher.Publish(sqsx.QueueName(app, taskhawk.Default), message.NewMessage(watermill.NewUUID(), body))
	})
}

// watermillWork receives ten at a time, and handles and deletes them one by one.
func watermillWork() contender {
	return contender{
		name:  "watermill",
		title: "watermill-aws, `json.Unmarshal`",
		kind:  bench.Rival,
		start: func(r *env) (func() error, error) {
			publisher, err := r.watermillPublisher()
			if err != nil {
				return nil, err
			}
			if err := r.publishEach(publisher); err != nil {
				return nil, err
			}
			subscriber, err := wsqs.NewSubscriber(wsqs.SubscriberConfig{
				AWSConfig: r.config(), OptFns: []func(*sqs.Options){r.endpoint}, DoNotCreateQueueIfNotExists: true,
				GenerateReceiveMessageInput: receiveTenInput,
			}, watermill.NopLogger{})
			if err != nil {
				return nil, err
			}
			r.later(func(context.Context) error { return subscriber.Close() })
			return r.work(func(ctx context.Context) error {
				messages, err := subscriber.Subscribe(ctx, sqsx.QueueName(app, taskhawk.Default))
				if err != nil {
					return err
				}
				for m := range messages {
					var a args
					if err := json.Unmarshal(m.Payload, &a); err != nil {
						return err
					}
					m.Ack()
				}
				return nil
			}), nil
		},
	}
}

func receiveTenInput(ctx context.Context, url wsqs.QueueURL) (*sqs.ReceiveMessageInput, error) {
	input, err := wsqs.GenerateReceiveMessageInputDefault(ctx, url)
	if err == nil {
		input.MaxNumberOfMessages = batch
		input.WaitTimeSeconds = 20
	}
	return input, err
}

// config is the configuration of a peer that makes its own client.
func (r *env) config() aws.Config {
	o := r.client.Options()
	return aws.Config{Region: o.Region, Credentials: o.Credentials, HTTPClient: o.HTTPClient}
}

func (r *env) endpoint(o *sqs.Options) { o.BaseEndpoint = aws.String(r.server.URL) }

package lambdax

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// SNS returns the handler of a Lambda function that topics trigger, for lambda.Start. The
// handler runs the task of every record, even if others fail, and returns a [*BatchError]
// if any did. Lambda then tries the whole event again, after one and two minutes, and
// drops it unless the function has a dead-letter queue or an on-failure destination.
// taskhawk.Ignore counts as done. taskhawk.Permanent and RetryAfter count as plain
// errors, since SNS has neither dead letters nor delays for a function. For the same
// reason taskhawk.WithBackoff and WithMaxAttempts have no effect.
//
// The metadata of a task has the id of the SNS message and the ARN of the topic. The
// receipt handle is empty, and taskhawk.ExtendVisibility returns
// taskhawk.ErrNoVisibility.
//
// An event without records, or from another source, gets an error that wraps
// [ErrUnknownEvent].
//
// SNS returns an error if the hub cannot run anything (see taskhawk.Hub.CheckHandlers) or
// a setting makes no sense. The handler may be called concurrently and keeps nothing
// between invocations.
func SNS(hub *taskhawk.Hub, config SNSConfig) (handler func(context.Context, events.SNSEvent) error, err error) {
	checked, err := config.withDefaults(hub)
	if err != nil {
		return nil, fmt.Errorf("lambdax: new SNS handler: %w", err)
	}
	return func(ctx context.Context, event events.SNSEvent) error {
		if err := checkSource(
			event.Records,
			sourceSNS,
			func(r *events.SNSEventRecord) string { return r.EventSource },
		); err != nil {
			return err
		}
		b := &batch{hub: hub, config: checked, budget: newBudget(ctx, checked.Margin)}
		b.records = snsRecords(event.Records, time.Now(), b.budget.handlers)
		return b.failure(b.run(ctx))
	}, nil
}

// SNSRecordFrom returns the SNS record that the current handler runs for, and false
// outside of a handler of [SNS].
func SNSRecordFrom(ctx context.Context) (events.SNSEventRecord, bool) {
	return raw[events.SNSEventRecord](ctx)
}

func snsRecords(records []events.SNSEventRecord, now, deadline time.Time) []record {
	batch := make([]record, len(records))
	for i := range records {
		r := &records[i]
		batch[i].delivery = taskhawk.Delivery{
			Body:       r.SNS.Message,
			Attributes: snsAttributes(r.SNS.MessageAttributes),
			MessageID:  r.SNS.MessageID,
			Topic:      r.SNS.TopicArn,
			Attempt:    1,
			Sent:       r.SNS.Timestamp,
			Received:   now,
			Deadline:   deadline,
			Raw:        r,
		}
	}
	return batch
}

// snsAttributes returns the attributes with a text value. Events have {"Type": "String",
// "Value": "v"} for each.
func snsAttributes(attributes map[string]any) map[string]string {
	texts := make(map[string]string, len(attributes))
	for name, attribute := range attributes {
		members, _ := attribute.(map[string]any)
		if value, ok := members["Value"].(string); ok && members["Type"] != "Binary" {
			texts[name] = value
		}
	}
	return texts
}

// raw returns the record that the current handler runs for.
func raw[Record any](ctx context.Context) (Record, bool) {
	if d := taskhawk.DeliveryFrom(ctx); d != nil {
		if r, ok := d.Raw.(*Record); ok {
			return *r, true
		}
	}
	var none Record
	return none, false
}

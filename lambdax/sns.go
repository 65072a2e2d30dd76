package lambdax

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// SNS returns the handler of a Lambda function that topics trigger, for lambda.Start. It runs the task of every record, also when others fail,
// and returns a [*BatchError] when any did. Lambda then tries the event again, all of it, after one and two minutes, and drops
// it unless the function has a dead-letter queue or an on-failure destination. taskhawk.Ignore counts as done. taskhawk.Permanent and
// RetryAfter have no other effect than an error: SNS knows neither a dead-letter queue of ours nor a delay.
//
// The metadata of a task has the id of the SNS message and the ARN of the topic; the receipt handle is empty, and taskhawk.ExtendVisibility
// returns taskhawk.ErrNoVisibility.
//
// The handler may be called concurrently and keeps nothing between invocations. A mistake in the options is the error of every invocation.
func SNS(hub *taskhawk.Hub, options ...Option) func(context.Context, events.SNSEvent) error {
	set := defaults()
	for _, o := range options {
		o.applySNS(&set)
	}
	return set.sns(hub)
}

func (s *settings) sns(hub *taskhawk.Hub) func(context.Context, events.SNSEvent) error {
	invalid := s.check(hub)
	return func(ctx context.Context, event events.SNSEvent) error {
		if invalid != nil {
			return fmt.Errorf("lambdax: %w", invalid)
		}
		b := &batch{hub: hub, set: s, budget: newBudget(ctx, s.margin)}
		b.records = snsRecords(event.Records, time.Now(), b.budget.handlers)
		return b.failure(b.run(ctx))
	}
}

// SNSRecordFrom returns the SNS record that the current handler runs for, and false outside of a handler of [SNS].
func SNSRecordFrom(ctx context.Context) (events.SNSEventRecord, bool) {
	return raw[events.SNSEventRecord](ctx)
}

func snsRecords(records []events.SNSEventRecord, now, deadline time.Time) []record {
	batch := make([]record, len(records))
	for i := range records {
		r := &records[i]
		batch[i].delivery = taskhawk.Delivery{
			Body: r.SNS.Message, Attributes: snsAttributes(r.SNS.MessageAttributes), MessageID: r.SNS.MessageID, Topic: r.SNS.TopicArn,
			Attempt: 1, Sent: r.SNS.Timestamp, Received: now, Deadline: deadline, Raw: r,
		}
	}
	return batch
}

// snsAttributes are those whose value is a text, whatever else is among them: events have {"Type": "String", "Value": "v"} for each.
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

// raw is the record of an event that the current handler runs for.
func raw[Record any](ctx context.Context) (Record, bool) {
	if d := taskhawk.DeliveryFrom(ctx); d != nil {
		if r, ok := d.Raw.(*Record); ok {
			return *r, true
		}
	}
	var none Record
	return none, false
}

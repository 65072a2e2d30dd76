package lambdax

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// SQS returns the handler of a Lambda function that an event source mapping feeds from
// queues, for lambda.Start.
//
// By default the handler returns a [*BatchError] if any record failed: Lambda delivers
// the whole batch again, also what was done. That is safe with every mapping. With
// PartialBatch, and ReportBatchItemFailures on the mapping, only what failed comes back.
//
// On FIFO queues (names in .fifo) the messages of a group run in order. After a failure
// nothing more is started, and what has not run is reported as failed too, unless
// SkipGroupOnError lets other groups go on.
//
// A record whose message id stands twice in the event is one message: it runs once. A
// record that failed and has no id makes the whole batch fail, since the answer could not
// name it.
//
// An event without records, or of another source, gets an error that wraps
// [ErrUnknownEvent].
//
// SQS returns an error if the hub cannot run anything (see taskhawk.Hub.CheckHandlers), a
// setting makes no sense, or a task has taskhawk.WithMaxAttempts and there is no Settler.
// The handler may be called concurrently and keeps nothing between invocations.
func SQS(
	hub *taskhawk.Hub, config SQSConfig,
) (handler func(context.Context, events.SQSEvent) (events.SQSEventResponse, error), err error) {
	checked, err := config.withDefaults(hub)
	if err == nil {
		err = config.checkAttempts(hub)
	}
	if err != nil {
		return nil, fmt.Errorf("lambdax: new SQS handler: %w", err)
	}
	return func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		if err := checkSource(
			event.Records,
			sourceSQS,
			func(m *events.SQSMessage) string { return m.EventSource },
		); err != nil {
			return noFailures(), err
		}
		b := &batch{hub: hub, config: checked, budget: newBudget(ctx, checked.Margin)}
		b.records = sqsRecords(event.Records, checked.Settler, time.Now(), b.budget.handlers)
		return b.answer(b.run(ctx))
	}, nil
}

// SQSMessageFrom returns the SQS message that the current handler runs for, and false
// outside of a handler of [SQS].
func SQSMessageFrom(ctx context.Context) (events.SQSMessage, bool) {
	return raw[events.SQSMessage](ctx)
}

// answer is what Lambda gets to hear. Its list of failures is never null, which Lambda
// would read as success, and has no empty id, which would make all fail.
func (b *batch) answer(failed []*RecordError) (events.SQSEventResponse, error) {
	response := noFailures()
	if !b.config.PartialBatch || b.config.ErrorIfAllFailed && len(failed) == len(b.records) {
		return response, b.failure(failed)
	}
	for _, f := range failed {
		if f.MessageID == "" {
			return noFailures(), b.failure(failed)
		}
		response.BatchItemFailures = append(
			response.BatchItemFailures,
			events.SQSBatchItemFailure{ItemIdentifier: f.MessageID},
		)
	}
	return response, nil
}

func noFailures() events.SQSEventResponse {
	return events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
}

// maxLease is how long a message can be kept from others after its event arrived: the 12
// hours of SQS, less what it may have waited in a batching window, 5 minutes at most, and
// on the way.
const maxLease = 12*time.Hour - 10*time.Minute

// sqsRecords are the messages of an event, each once: the receipt handle that counts is
// the last.
func sqsRecords(messages []events.SQSMessage, settler taskhawk.Settler, now, deadline time.Time) []record {
	batch, seen := make([]record, 0, len(messages)), newIndexByID(len(messages))
	for i := range messages {
		m := &messages[i]
		place := seen.of(batch, m.MessageId)
		if place == len(batch) {
			batch = append(batch, record{})
		}
		r := &batch[place]
		r.ordered = strings.HasSuffix(m.EventSourceARN, ".fifo")
		deliver(&r.delivery, m)
		r.delivery.Settler, r.delivery.Deadline = settler, deadline
		r.delivery.Received, r.delivery.LeaseEnds = now, now.Add(maxLease)
	}
	return batch
}

// deliver fills in what a message says.
func deliver(d *taskhawk.Delivery, m *events.SQSMessage) {
	d.Body, d.Attributes = m.Body, sqsAttributes(m.MessageAttributes)
	d.MessageID, d.Receipt, d.Raw = m.MessageId, m.ReceiptHandle, m
	d.Queue = m.EventSourceARN[strings.LastIndexByte(m.EventSourceARN, ':')+1:]
	d.Attempt = max(int(number(m.Attributes["ApproximateReceiveCount"])), 1)
	d.Group, d.Sent = m.Attributes["MessageGroupId"], sentAt(m.Attributes["SentTimestamp"])
}

// sqsAttributes leaves out what has no text: anybody may send a binary attribute.
func sqsAttributes(attributes map[string]events.SQSMessageAttribute) map[string]string {
	texts := make(map[string]string, len(attributes))
	for name, attribute := range attributes {
		if attribute.StringValue != nil {
			texts[name] = *attribute.StringValue
		}
	}
	return texts
}

// number is 0 for what is none.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // SQS writes nothing but numbers
	return n
}

// sentAt is when SQS stored the message, from ms since 1970; zero if it does not say.
func sentAt(ms string) time.Time {
	if ms == "" {
		return time.Time{}
	}
	return time.UnixMilli(number(ms))
}

// indexByID finds the index of a message in its batch by the message id.
type indexByID map[string]int

// fewRecords is up to how many records they are looked at one by one, which is quicker
// than a map: as many as Lambda brings by default.
const fewRecords = 10

// newIndexByID is for a batch of up to so many records.
func newIndexByID(records int) indexByID {
	if records <= fewRecords {
		return nil
	}
	return make(indexByID, records)
}

// of returns the place of the message with that id, and that behind the batch for one
// that is not in it, or has no id.
func (p indexByID) of(batch []record, id string) int {
	switch {
	case id == "":
		return len(batch)
	case p == nil:
		return find(batch, id)
	}
	place, known := p[id]
	if !known {
		place = len(batch)
		p[id] = place
	}
	return place
}

func find(batch []record, id string) int {
	for i := range batch {
		if batch[i].delivery.MessageID == id {
			return i
		}
	}
	return len(batch)
}

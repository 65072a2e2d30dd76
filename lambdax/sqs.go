package lambdax

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// SQS returns the handler of a Lambda function that an event source mapping feeds from
// queues, for lambda.Start.
//
// By default the handler returns a [*BatchError] if any record failed: Lambda delivers
// the whole batch again, including finished records. That is safe with every mapping.
// With PartialBatch, and ReportBatchItemFailures on the mapping, only failed records come
// back.
//
// On FIFO queues (names in .fifo) the messages of a group run in order. After a failure
// no record starts, and records that have not run are reported as failed too, unless
// SkipGroupOnError lets other groups continue.
//
// Records with the same message id are one message, which runs once. A failed record
// without an id fails the whole batch, since the answer cannot name it.
//
// An event without records, or from another source, gets an error that wraps
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

// answer returns the response for Lambda. Its list of failures is never null, which
// Lambda reads as success, and has no empty id, which fails the whole batch.
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

// maxLease is how long a message can stay in flight after its event arrived: the 12 hours
// of SQS, less a batching window of at most 5 minutes and the time for delivery.
const maxLease = 12*time.Hour - 10*time.Minute

// sqsRecords returns the messages of an event without duplicates. The last receipt handle
// of a message counts.
func sqsRecords(messages []events.SQSMessage, settler taskhawk.Settler, now, deadline time.Time) []record {
	batch, seen := make([]record, 0, len(messages)), newIndexByID(len(messages))
	var attributes map[string]string
	for i := range messages {
		m := &messages[i]
		place := seen.of(batch, m.MessageId)
		if place == len(batch) {
			batch = append(batch, record{})
		}
		r := &batch[place]
		r.ordered = strings.HasSuffix(m.EventSourceARN, ".fifo")
		attributes = awsbatch.Texts(m.MessageAttributes, textOf, attributes)
		deliver(&r.delivery, m, attributes)
		r.delivery.Deadline = deadline
		if settler != nil {
			r.settler.Settler, r.delivery.Settler = settler, &r.settler
		}
		r.delivery.Received, r.delivery.LeaseEnds = now, now.Add(maxLease)
	}
	return batch
}

// recordSettler is the settler of one record. It notes that the handler gave the message
// back.
type recordSettler struct {
	taskhawk.Settler

	given atomic.Bool
}

// SetVisibility changes the visibility timeout by the settler.
func (s *recordSettler) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	err := s.Settler.SetVisibility(ctx, d, timeout)
	if err == nil && timeout == 0 {
		s.given.Store(true)
	}
	return err
}

// deliver copies a message to a delivery.
func deliver(d *taskhawk.Delivery, m *events.SQSMessage, attributes map[string]string) {
	d.Body, d.Attributes = m.Body, attributes
	d.MessageID, d.Receipt, d.Raw = m.MessageId, m.ReceiptHandle, m
	d.Queue = m.EventSourceARN[strings.LastIndexByte(m.EventSourceARN, ':')+1:]
	d.Attempt = max(int(number(m.Attributes["ApproximateReceiveCount"])), 1)
	d.Group, d.Sent = m.Attributes["MessageGroupId"], sentAt(m.Attributes["SentTimestamp"])
}

// textOf returns the text of an attribute, nil for a binary one.
func textOf(a events.SQSMessageAttribute) *string { return a.StringValue }

// number parses a number. It returns 0 for any other text.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // SQS writes nothing but numbers
	return n
}

// sentAt returns when SQS stored the message, from ms since 1970, or the zero time if
// unknown.
func sentAt(ms string) time.Time {
	if ms == "" {
		return time.Time{}
	}
	return time.UnixMilli(number(ms))
}

// indexByID finds the index of a message in its batch by the message id.
type indexByID map[string]int

// fewRecords is the largest batch that is searched record by record, which is faster than
// a map. It is the default batch size of Lambda.
const fewRecords = 10

// newIndexByID returns an index for a batch with up to the given number of records.
func newIndexByID(records int) indexByID {
	if records <= fewRecords {
		return nil
	}
	return make(indexByID, records)
}

// of returns the index of the message with an id. It returns len(batch) if the id is
// empty or not in the batch.
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

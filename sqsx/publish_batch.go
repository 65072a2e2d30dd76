package sqsx

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// EntryError is what SQS answered for one entry of a batch.
type EntryError struct {
	// Code is the error code of SQS, such as "InternalError".
	Code string
	// Message is the explanation of SQS.
	Message string
	// SenderFault tells that the entry itself is at fault, so that sending it again would not help.
	SenderFault bool
}

// Error gives code and explanation.
func (e *EntryError) Error() string {
	return fmt.Sprintf("SQS refused the entry: %s: %s", e.Code, e.Message)
}

// errNoAnswer is the result of an entry that SQS names neither as stored nor as failed.
var errNoAnswer = errors.New("SQS did not say what became of the entry")

// PublishBatch sends the messages in as few calls as the limits allow: up to ten in a call, and up to 1 MiB. The
// result has an error for each message that failed, as Publish gives it, or an [*EntryError] in a [*QueueError].
func (p *Publisher) PublishBatch(ctx context.Context, outs []*taskhawk.Outgoing) []error {
	errs := make([]error, len(outs))
	open := map[string]*batch{}
	for i, out := range outs {
		name := p.names[out.Priority]
		e, err := newEntry(out, isFIFO(name))
		if err != nil {
			errs[i] = err
			continue
		}
		b := open[name]
		if b == nil || !b.fits(e) {
			p.sendBatch(ctx, b, errs)
			b = &batch{queue: name}
			open[name] = b
		}
		b.add(i, e)
	}
	for _, b := range open {
		p.sendBatch(ctx, b, errs)
	}
	return errs
}

// batch gathers entries for one call.
type batch struct {
	queue   string
	indexes []int
	entries []types.SendMessageBatchRequestEntry
	size    int
}

func (b *batch) fits(e entry) bool {
	return len(b.entries) < maxBatch && b.size+e.size <= MaxMessageSize
}

func (b *batch) add(index int, e entry) {
	b.size += e.size
	b.indexes = append(b.indexes, index)
	b.entries = append(b.entries, types.SendMessageBatchRequestEntry{
		Id: aws.String(strconv.Itoa(len(b.entries))), MessageBody: aws.String(e.out.Body),
		MessageAttributes: sdkAttributes(e.attributes), DelaySeconds: seconds(e.out.Delay),
		MessageGroupId: optional(e.out.Group), MessageDeduplicationId: optional(e.out.DeduplicationID),
	})
}

// sendBatch sends b, if there is one, and puts the errors of its entries where they belong.
func (p *Publisher) sendBatch(ctx context.Context, b *batch, errs []error) {
	if b == nil {
		return
	}
	results := p.callBatch(ctx, b)
	for i, index := range b.indexes {
		if results[i] != nil {
			errs[index] = &QueueError{Queue: b.queue, Err: results[i]}
		}
	}
}

// callBatch makes the call and returns an error for each entry that is not known to be stored.
func (p *Publisher) callBatch(ctx context.Context, b *batch) []error {
	results := make([]error, len(b.entries))
	fill := func(err error) []error {
		for i := range results {
			results[i] = err
		}
		return results
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	url, err := p.urls.get(ctx, b.queue)
	if err != nil {
		return fill(errors.Unwrap(err))
	}
	out, err := p.api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: b.entries})
	if err != nil {
		return fill(err)
	}
	fill(errNoAnswer)
	for _, stored := range out.Successful {
		setResult(results, stored.Id, nil)
	}
	for _, failed := range out.Failed {
		setResult(results, failed.Id, &EntryError{
			Code: aws.ToString(failed.Code), Message: aws.ToString(failed.Message), SenderFault: failed.SenderFault,
		})
	}
	return results
}

func setResult(results []error, id *string, result error) {
	if i, err := strconv.Atoi(aws.ToString(id)); err == nil && i >= 0 && i < len(results) {
		results[i] = result
	}
}

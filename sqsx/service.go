package sqsx

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// service makes the batch calls to SQS, each with attempts, and counts them.
type service struct {
	api    API
	urls   *queueURLs
	counts *requestCounts
}

func newService(api API) *service {
	return &service{api: api, urls: &queueURLs{api: api}, counts: &requestCounts{}}
}

// errNoAnswer is the result of an entry that SQS names neither as done nor as failed.
var errNoAnswer = errors.New("SQS did not say what became of the entry")

// send sends entries to one queue, ten at most, and returns an error for each that is not known to be stored.
func (s *service) send(ctx context.Context, queue string, entries []entry) []error {
	url, err := s.urls.get(ctx, queue)
	if err != nil {
		return fill(len(entries), err)
	}
	errs := attempt(ctx, entries, func(ctx context.Context, entries []entry) []error {
		s.counts.sends.add(len(entries))
		batch := make([]types.SendMessageBatchRequestEntry, len(entries))
		for i, e := range entries {
			batch[i] = e.request(entryID(i))
		}
		out, err := s.api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: batch}, once)
		if err != nil {
			return fill(len(entries), err)
		}
		return answers(len(entries), out.Failed, out.Successful, func(r types.SendMessageBatchResultEntry) *string { return r.Id })
	})
	return inQueue(queue, errs, nil)
}

// remove deletes messages by receipt handle, ten at most.
func (s *service) remove(ctx context.Context, queue string, receipts []string) []error {
	url, err := s.urls.get(ctx, queue)
	if err != nil {
		return fill(len(receipts), err)
	}
	errs := attempt(ctx, receipts, func(ctx context.Context, receipts []string) []error {
		s.counts.deletes.add(len(receipts))
		batch := make([]types.DeleteMessageBatchRequestEntry, len(receipts))
		for i, receipt := range receipts {
			batch[i] = types.DeleteMessageBatchRequestEntry{Id: entryID(i), ReceiptHandle: aws.String(receipt)}
		}
		out, err := s.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: batch}, once)
		if err != nil {
			return fill(len(receipts), err)
		}
		return answers(len(receipts), out.Failed, out.Successful, func(r types.DeleteMessageBatchResultEntry) *string { return r.Id })
	})
	return inQueue(queue, errs, receipts)
}

// visibility is a change of one message's visibility timeout.
type visibility struct {
	receipt string
	timeout time.Duration
}

// change changes visibility timeouts, of ten messages at most. The error of a message that is no longer in flight wraps
// taskhawk.ErrVisibilityLost.
func (s *service) change(ctx context.Context, queue string, changes []visibility) []error {
	url, err := s.urls.get(ctx, queue)
	if err != nil {
		return fill(len(changes), err)
	}
	receipts := make([]string, len(changes))
	for i, c := range changes {
		receipts[i] = c.receipt
	}
	errs := attempt(ctx, changes, func(ctx context.Context, changes []visibility) []error {
		s.counts.changes.add(len(changes))
		batch := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(changes))
		for i, c := range changes {
			batch[i] = types.ChangeMessageVisibilityBatchRequestEntry{
				Id: entryID(i), ReceiptHandle: aws.String(c.receipt), VisibilityTimeout: seconds(c.timeout),
			}
		}
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: url, Entries: batch}
		out, err := s.api.ChangeMessageVisibilityBatch(ctx, in, once)
		if err != nil {
			return fill(len(changes), err)
		}
		return answers(len(changes), out.Failed, out.Successful,
			func(r types.ChangeMessageVisibilityBatchResultEntry) *string { return r.Id })
	})
	return inQueue(queue, errs, receipts)
}

// entryID is the id of the i-th entry of a batch. It is not the message's own: one message can be in a batch twice, and ids
// must differ.
func entryID(i int) *string { return aws.String(strconv.Itoa(i)) }

// answers are the errors of the entries of a batch, by their id. Who is named neither as done nor as failed has no answer.
func answers[S any](n int, failed []types.BatchResultErrorEntry, done []S, id func(S) *string) []error {
	errs := fill(n, errNoAnswer)
	set := func(id *string, err error) {
		if i, bad := strconv.Atoi(aws.ToString(id)); bad == nil && i >= 0 && i < n {
			errs[i] = err
		}
	}
	for _, entry := range done {
		set(id(entry), nil)
	}
	for _, f := range failed {
		set(f.Id, &EntryError{Code: aws.ToString(f.Code), Message: aws.ToString(f.Message), SenderFault: f.SenderFault})
	}
	return errs
}

// inQueue says in each error which queue it is about, and keeps the receipt handles of the call out of its text.
func inQueue(queue string, errs []error, receipts []string) []error {
	for i, err := range errs {
		if err != nil {
			errs[i] = &QueueError{Queue: queue, Err: err, receipts: receipts}
		}
	}
	return errs
}

package sqsx

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
	"github.com/taskhawk/taskhawk-go/internal/warm"
)

// service makes the batch calls to SQS, each with attempts, and counts them.
type service struct {
	api    API
	urls   *queueURLs
	counts *requestCounts
	calls  warm.Pool // the goroutines of calls that settle
}

func newService(api API) *service {
	return &service{api: api, urls: &queueURLs{api: api}, counts: &requestCounts{}}
}

// send sends entries to one queue, ten at most, and returns an error for each that is not known to be stored.
func (s *service) send(ctx context.Context, queue string, entries []entry) []error {
	url, err := s.urls.get(ctx, queue)
	if err != nil {
		return attempts.Fill(len(entries), err)
	}
	errs := attempt(ctx, entries, func(ctx context.Context, entries []entry) []error {
		s.counts.sends.add(len(entries))
		batch := make([]types.SendMessageBatchRequestEntry, len(entries))
		for i, e := range entries {
			batch[i] = e.request(attempts.EntryID(i))
		}
		out, err := s.api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: batch}, once)
		if err != nil {
			return attempts.Fill(len(entries), err)
		}
		return answers(len(entries), out.Failed, out.Successful, func(r types.SendMessageBatchResultEntry) *string { return r.Id })
	})
	return inQueue(queue, errs, nil)
}

// remove deletes messages by receipt handle, ten at most.
func (s *service) remove(ctx context.Context, queue string, receipts []string) []error {
	url, err := s.urls.get(ctx, queue)
	if err != nil {
		return attempts.Fill(len(receipts), err)
	}
	errs := attempt(ctx, receipts, func(ctx context.Context, receipts []string) []error {
		s.counts.deletes.add(len(receipts))
		batch := make([]types.DeleteMessageBatchRequestEntry, len(receipts))
		for i, receipt := range receipts {
			batch[i] = types.DeleteMessageBatchRequestEntry{Id: attempts.EntryID(i), ReceiptHandle: aws.String(receipt)}
		}
		out, err := s.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: batch}, once)
		if err != nil {
			return attempts.Fill(len(receipts), err)
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
		return attempts.Fill(len(changes), err)
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
				Id: attempts.EntryID(i), ReceiptHandle: aws.String(c.receipt), VisibilityTimeout: seconds(c.timeout),
			}
		}
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: url, Entries: batch}
		out, err := s.api.ChangeMessageVisibilityBatch(ctx, in, once)
		if err != nil {
			return attempts.Fill(len(changes), err)
		}
		return answers(len(changes), out.Failed, out.Successful,
			func(r types.ChangeMessageVisibilityBatchResultEntry) *string { return r.Id })
	})
	return inQueue(queue, errs, receipts)
}

// answers are the errors of the entries of a batch, by their id. Who is named neither as done nor as failed has no answer.
func answers[S any](n int, failed []types.BatchResultErrorEntry, done []S, id func(S) *string) []error {
	results := attempts.NewResults(n)
	for _, entry := range done {
		results.Set(id(entry), nil)
	}
	for _, f := range failed {
		results.Set(f.Id, &EntryError{Code: aws.ToString(f.Code), Message: aws.ToString(f.Message), SenderFault: f.SenderFault})
	}
	return results
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

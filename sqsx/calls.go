package sqsx

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/gopool"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// service makes the batch calls to SQS, each with attempts, and counts them.
type service struct {
	api    API
	urls   *queueURLs
	counts *requestCounts
	calls  gopool.Pool // the goroutines of calls that settle
}

// newService makes the calls to the queues of an account, the caller's own if it is empty.
func newService(api API, account string) *service {
	return &service{api: api, urls: &queueURLs{api: api, account: account}, counts: &requestCounts{}}
}

// send sends entries to one queue, ten at most, and returns an error for each that is not known to be stored.
func (s *service) send(ctx context.Context, queue string, entries []entry) []error {
	url, err := s.urls.get(ctx, queue)
	if err != nil {
		return awsbatch.Fill(len(entries), err)
	}
	errs := attempt(ctx, entries, func(ctx context.Context, entries []entry) []error {
		s.counts.sends.add(len(entries))
		batch := make([]types.SendMessageBatchRequestEntry, len(entries))
		for i, e := range entries {
			batch[i] = e.request(awsbatch.EntryID(i))
		}
		out, err := s.api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: batch}, once)
		if err != nil {
			return awsbatch.Fill(len(entries), err)
		}
		return answers(len(entries), out.Failed, out.Successful, func(r types.SendMessageBatchResultEntry) *string { return r.Id })
	})
	return inQueue(queue, errs, nil)
}

// remove deletes messages by receipt handle, ten at most.
func (s *service) remove(ctx context.Context, queue string, receipts []string) []error {
	url, err := s.urls.get(ctx, queue)
	if err != nil {
		return awsbatch.Fill(len(receipts), err)
	}
	errs := attempt(ctx, receipts, func(ctx context.Context, receipts []string) []error {
		s.counts.deletes.add(len(receipts))
		batch := make([]types.DeleteMessageBatchRequestEntry, len(receipts))
		for i, receipt := range receipts {
			batch[i] = types.DeleteMessageBatchRequestEntry{Id: awsbatch.EntryID(i), ReceiptHandle: aws.String(receipt)}
		}
		out, err := s.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: batch}, once)
		if err != nil {
			return awsbatch.Fill(len(receipts), err)
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
		return awsbatch.Fill(len(changes), err)
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
				Id: awsbatch.EntryID(i), ReceiptHandle: aws.String(c.receipt), VisibilityTimeout: seconds(c.timeout),
			}
		}
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: url, Entries: batch}
		out, err := s.api.ChangeMessageVisibilityBatch(ctx, in, once)
		if err != nil {
			return awsbatch.Fill(len(changes), err)
		}
		return answers(len(changes), out.Failed, out.Successful,
			func(r types.ChangeMessageVisibilityBatchResultEntry) *string { return r.Id })
	})
	return inQueue(queue, errs, receipts)
}

// answers are the errors of the entries of a batch, by their id. Who is named neither as done nor as failed has no answer.
func answers[S any](n int, failed []types.BatchResultErrorEntry, done []S, id func(S) *string) []error {
	results := awsbatch.NewResults(n)
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

// queueURLs looks up the URL of each queue once. A look-up that failed is tried again by the next call.
type queueURLs struct {
	api     API
	account string // that owns the queues; "" for the caller's own
	mu      sync.Mutex
	urls    map[string]*queueURL
}

type queueURL struct {
	looking chan struct{} // holds one token while nobody looks
	url     *string
}

func (q *queueURLs) entry(name string) *queueURL {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.urls == nil {
		q.urls = map[string]*queueURL{}
	}
	entry, ok := q.urls[name]
	if !ok {
		entry = &queueURL{looking: make(chan struct{}, 1)}
		entry.looking <- struct{}{}
		q.urls[name] = entry
	}
	return entry
}

// get returns the URL of the queue of that name. Concurrent calls for one name share a look-up.
func (q *queueURLs) get(ctx context.Context, name string) (*string, error) {
	entry := q.entry(name)
	select {
	case <-entry.looking:
	case <-ctx.Done():
		return nil, &QueueError{Queue: name, Err: context.Cause(ctx)}
	}
	defer func() { entry.looking <- struct{}{} }()
	if entry.url != nil {
		return entry.url, nil
	}
	url, err := lookUp(ctx, q.api, q.account, name)
	if err != nil {
		return nil, err
	}
	entry.url = url
	return url, nil
}

// once keeps the SDK from retrying: the attempts are counted by attempt.
func once(o *sqs.Options) { o.RetryMaxAttempts = 1 }

// attempt makes calls for the items until each has succeeded or failed for good. It returns an error for each item; one that may
// have been stored although all its attempts failed has an error that wraps taskhawk.ErrOutcomeUnknown.
func attempt[T any](ctx context.Context, items []T, call func(ctx context.Context, items []T) []error) []error {
	return awsbatch.Run(ctx, awsbatch.Policy{
		Unknown:  taskhawk.ErrOutcomeUnknown,
		Panicked: func(value any) error { return &taskhawk.PanicError{Value: value} },
	}, items, call)
}

// lookUp returns the URL of the queue of that name in an account, the caller's own if it is empty. It asks SQS each time: a
// queue may come or go between two calls.
func lookUp(ctx context.Context, api sqsqueue.URLAPI, account, name string) (*string, error) {
	url, err := sqsqueue.LookUp(ctx, api, account, name)
	if err != nil {
		return nil, &QueueError{Queue: name, Err: err, account: account}
	}
	return url, nil
}

// Requests counts the requests of one kind.
type Requests struct {
	// Calls is how many requests were made, retries included: what SQS bills, at least.
	Calls int64
	// Messages is how many messages they carried: divided by Calls, how well batches are filled.
	Messages int64
}

// RequestStats counts requests by kind.
type RequestStats struct {
	// Sends are SendMessageBatch.
	Sends Requests
	// Receives are ReceiveMessage.
	Receives Requests
	// EmptyReceives are those of them that brought nothing.
	EmptyReceives int64
	// Damaged are messages that arrived with a body that does not have the MD5 SQS gives for it: left for another delivery.
	Damaged int64
	// Deletes are DeleteMessageBatch.
	Deletes Requests
	// Visibility are ChangeMessageVisibilityBatch: heartbeats, retries and releases.
	Visibility Requests
}

// requestCount is the changing form of Requests.
type requestCount struct{ calls, messages atomic.Int64 }

func (c *requestCount) add(messages int) {
	c.calls.Add(1)
	c.messages.Add(int64(messages))
}

func (c *requestCount) requests() Requests {
	return Requests{Calls: c.calls.Load(), Messages: c.messages.Load()}
}

// requestCounts is the changing form of RequestStats.
type requestCounts struct {
	sends, receives, deletes, changes requestCount
	emptyReceives, damaged            atomic.Int64
}

func (c *requestCounts) stats() RequestStats {
	return RequestStats{
		Sends: c.sends.requests(), Receives: c.receives.requests(), EmptyReceives: c.emptyReceives.Load(), Damaged: c.damaged.Load(),
		Deletes: c.deletes.requests(), Visibility: c.changes.requests(),
	}
}

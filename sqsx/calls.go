package sqsx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/gopool"
	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// system is the name of SQS in OpenTelemetry.
const system = "aws_sqs"

// service makes batch calls to SQS, retries them and counts the requests.
type service struct {
	api    API
	urls   *queueURLs
	counts *requestCounts
	calls  gopool.Pool // goroutines for the calls that settle messages
}

// newService returns the service for the queues of an account, "" for the caller's own.
func newService(api API, account string) *service {
	return &service{api: api, urls: &queueURLs{api: api, account: account}, counts: &requestCounts{}}
}

// batchItem is an item of a batch call to SQS.
type batchItem interface {
	groupcommit.Item
	awsbatch.Observed
	// receiptHandle returns the receipt handle to hide in errors, "" for none.
	receiptHandle() string
}

// batchCalls returns a function that makes calls, with retries, for up to ten items of
// one queue. Errors are of the type [*QueueError]. explain adds to them; nil for
// nothing.
func batchCalls[T batchItem](
	s *service, queue string, operation taskhawk.Operation, method string, call awsbatch.Call[T],
	explain func(ctx context.Context, err error) error,
) func(ctx context.Context, items []T, done func(err error, items ...int)) {
	call = awsbatch.Observe(taskhawk.Call{Operation: operation, System: system, Method: method, Queue: queue}, call)
	if explain == nil {
		explain = func(_ context.Context, err error) error { return err }
	}
	return func(ctx context.Context, items []T, done func(err error, items ...int)) {
		// The look-up is part of the call, which has AllTimeout in all.
		limited, cancel := context.WithTimeout(ctx, awsbatch.AllTimeout)
		defer cancel()
		url, err := s.urls.get(limited, queue)
		if err != nil {
			err = explain(ctx, err)
			for i := range items {
				done(err, i)
			}
			return
		}
		awsbatch.Run(limited, *url, items, call, func(err error, indexes ...int) {
			if err != nil {
				err = explain(ctx, &QueueError{Queue: queue, Err: err, receipts: receiptHandles(items)})
			}
			done(err, indexes...)
		})
	}
}

func receiptHandles[T batchItem](items []T) []string {
	var receipts []string
	for _, item := range items {
		if receipt := item.receiptHandle(); receipt != "" {
			receipts = append(receipts, receipt)
		}
	}
	return receipts
}

// runAll makes calls with items, and returns an error for each.
func runAll[T any](
	ctx context.Context, items []T, calls func(ctx context.Context, items []T, done func(err error, items ...int)),
) []error {
	errs := make([]error, len(items))
	calls(ctx, items, func(err error, items ...int) {
		for _, i := range items {
			errs[i] = err
		}
	})
	return errs
}

// sends returns the function that sends messages to a queue.
func (s *service) sends(
	queue string, explain func(ctx context.Context, err error) error,
) func(context.Context, []entry, func(error, ...int)) {
	return batchCalls(s, queue, taskhawk.OperationSend, "SendMessageBatch", s.send, explain)
}

func (s *service) send(ctx context.Context, url string, entries []entry) ([]error, error) {
	s.counts.sends.Add(len(entries))
	batch, ids := make([]types.SendMessageBatchRequestEntry, len(entries)), awsbatch.EntryIDs(len(entries))
	for i := range entries {
		batch[i] = entries[i].request(&ids[i])
	}
	out, err := s.api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: batch}, once(ctx))
	if err != nil {
		return nil, err
	}
	id := func(r types.SendMessageBatchResultEntry) *string { return r.Id }
	return answers(len(entries), out.Failed, out.Successful, id), nil
}

// observed implements awsbatch.Observed for items that settle messages.
type observed struct{ observer taskhawk.Observer }

// Observer returns the observer of the hub of the message.
func (o observed) Observer() taskhawk.Observer { return o.observer }

// Outgoing returns nil: a delete or a visibility timeout sends no message.
func (observed) Outgoing() *taskhawk.Outgoing { return nil }

// receipt is the receipt handle of a message to delete.
type receipt struct {
	observed

	handle string
}

// Size returns 0: the calls have no limit of bytes.
func (receipt) Size() int { return 0 }

// Group returns "": deletes have no order.
func (receipt) Group() string { return "" }

func (r receipt) receiptHandle() string { return r.handle }

// deletes returns the function that deletes messages of a queue.
func (s *service) deletes(queue string) func(context.Context, []receipt, func(error, ...int)) {
	return batchCalls(s, queue, taskhawk.OperationDelete, "DeleteMessageBatch", s.remove, nil)
}

func (s *service) remove(ctx context.Context, url string, receipts []receipt) ([]error, error) {
	s.counts.deletes.Add(len(receipts))
	batch, ids := make([]types.DeleteMessageBatchRequestEntry, len(receipts)), awsbatch.EntryIDs(len(receipts))
	for i, r := range receipts {
		batch[i] = types.DeleteMessageBatchRequestEntry{Id: &ids[i], ReceiptHandle: aws.String(r.handle)}
	}
	out, err := s.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: batch}, once(ctx))
	if err != nil {
		return nil, err
	}
	id := func(r types.DeleteMessageBatchResultEntry) *string { return r.Id }
	return answers(len(receipts), out.Failed, out.Successful, id), nil
}

// visibility is a change of one message's visibility timeout.
type visibility struct {
	observed

	receipt string
	timeout time.Duration
}

// Size returns 0: the calls have no limit of bytes.
func (visibility) Size() int { return 0 }

// Group returns "": changes have no order.
func (visibility) Group() string { return "" }

func (v visibility) receiptHandle() string { return v.receipt }

// changes returns the function that changes visibility timeouts of a queue's messages.
func (s *service) changes(queue string) func(context.Context, []visibility, func(error, ...int)) {
	return batchCalls(s, queue, taskhawk.OperationVisibility, "ChangeMessageVisibilityBatch", s.change, nil)
}

func (s *service) change(ctx context.Context, url string, changes []visibility) ([]error, error) {
	s.counts.changes.Add(len(changes))
	batch, ids := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(changes)), awsbatch.EntryIDs(len(changes))
	for i, c := range changes {
		batch[i] = types.ChangeMessageVisibilityBatchRequestEntry{
			Id: &ids[i], ReceiptHandle: aws.String(c.receipt), VisibilityTimeout: seconds(c.timeout),
		}
	}
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &url, Entries: batch}
	out, err := s.api.ChangeMessageVisibilityBatch(ctx, in, once(ctx))
	if err != nil {
		return nil, err
	}
	return answers(len(changes), out.Failed, out.Successful,
		func(r types.ChangeMessageVisibilityBatchResultEntry) *string { return r.Id }), nil
}

// answers returns the error of each entry of a batch. An entry in neither list gets
// awsbatch.ErrNoAnswer.
func answers[S any](n int, failed []types.BatchResultErrorEntry, done []S, id func(S) *string) []error {
	results := awsbatch.NewResults(n)
	for _, entry := range done {
		results.Done(id(entry))
	}
	for _, f := range failed {
		results.Failed(f.Id, f.Code, f.Message, f.SenderFault)
	}
	return results
}

// inQueue adds the name of the queue to an error, unless the error has it.
func inQueue(queue string, err error) error {
	if _, ok := errors.AsType[*QueueError](err); ok {
		return err
	}
	return &QueueError{Queue: queue, Err: err}
}

// queueURLs looks up the URL of each queue once. A look-up that failed is tried again by
// the next call.
type queueURLs struct {
	api     API
	account string // that owns the queues; "" for the caller's own
	mu      sync.Mutex
	urls    map[string]*queueURL
}

type queueURL struct {
	looking chan struct{} // holds a token while no look-up is in flight
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

// get returns the URL of the queue of that name. Concurrent calls for one name share a
// look-up. It has a time limit regardless of ctx, since a client that does not answer
// must not block the waiting callers.
func (q *queueURLs) get(ctx context.Context, name string) (*string, error) {
	ctx, cancel := context.WithTimeout(ctx, awsbatch.AllTimeout)
	defer cancel()
	entry := q.entry(name)
	select {
	case <-entry.looking:
	case <-ctx.Done():
		return nil, &QueueError{Queue: name, Err: guard.Error(context.Cause(ctx))}
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

// once returns the options of a call that is one attempt.
func once(ctx context.Context) func(*sqs.Options) {
	return func(o *sqs.Options) { o.Retryer, o.HTTPClient = awsbatch.Once(ctx, o.Retryer, o.HTTPClient) }
}

// lookUp is sqsqueue.LookUp with a *QueueError.
func lookUp(ctx context.Context, api sqsqueue.URLAPI, account, name string) (*string, error) {
	url, err := sqsqueue.LookUp(ctx, api, account, name)
	if err != nil {
		return nil, &QueueError{Queue: name, Err: err, account: account}
	}
	return url, nil
}

// explain adds to the error of a missing queue the queues of the application that
// exist, or that none exists. It looks up the queues that are not in known, with the
// permission sqs:GetQueueUrl alone. exists is nil if the Naming fails or SQS does not
// answer.
func (s *service) explain(
	ctx context.Context, app string, naming Naming, err error, known map[string]bool,
) (exists map[string]bool, explained error) {
	names, namesErr := naming.names(app, nil)
	if namesErr != nil {
		return nil, err // the Naming serves some of the priorities only
	}
	ordered := sqsqueue.InOrder(names)
	exists = sqsqueue.Which(ctx, s.api, s.urls.account, ordered, known)
	if exists == nil {
		return nil, err
	}
	var others []string
	for _, name := range ordered {
		if exists[name] {
			others = append(others, name)
		}
	}
	return exists, fmt.Errorf("%w; %s", err, awsbatch.WhichExist("queue", app, others))
}

// requestCounts counts requests for taskhawk.RequestStats.
type requestCounts struct {
	sends, receives, deletes, changes awsbatch.Count
	emptyReceives, damaged            atomic.Int64
}

func (c *requestCounts) stats() taskhawk.RequestStats {
	return taskhawk.RequestStats{
		Sends:         c.sends.Requests(),
		Receives:      c.receives.Requests(),
		EmptyReceives: c.emptyReceives.Load(),
		Damaged:       c.damaged.Load(),
		Deletes:       c.deletes.Requests(),
		Visibility:    c.changes.Requests(),
	}
}

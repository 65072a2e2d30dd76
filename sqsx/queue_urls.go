package sqsx

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
)

// queueURLs looks up the URL of each queue once. A look-up that failed is tried again by the next call.
type queueURLs struct {
	api  API
	mu   sync.Mutex
	urls map[string]*queueURL
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
	ctx, cancel := context.WithTimeout(ctx, attempts.CallTimeout)
	defer cancel()
	out, err := q.api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name)})
	if err != nil {
		return nil, &QueueError{Queue: name, Err: err}
	}
	entry.url = out.QueueUrl
	return entry.url, nil
}

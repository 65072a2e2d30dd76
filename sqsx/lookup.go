package sqsx

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
)

// lookUp returns the URL of the queue of that name, now: a queue may come or go between two calls.
func lookUp(ctx context.Context, api CheckAPI, name string) (*string, error) {
	ctx, cancel := context.WithTimeout(ctx, attempts.CallTimeout)
	defer cancel()
	out, err := api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name)})
	if err != nil {
		return nil, &QueueError{Queue: name, Err: err}
	}
	return out.QueueUrl, nil
}

// isMissing reports whether SQS knows no such queue, or hides it from the caller.
func isMissing(err error) bool {
	_, ok := errors.AsType[*types.QueueDoesNotExist](err)
	return ok
}

package sqsx

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// once keeps the SDK from retrying: the attempts are counted by attempt.
func once(o *sqs.Options) { o.RetryMaxAttempts = 1 }

// attempt makes calls for the items until each has succeeded or failed for good. It returns an error for each item; one that may
// have been stored although all its attempts failed has an error that wraps taskhawk.ErrOutcomeUnknown.
func attempt[T any](ctx context.Context, items []T, call func(ctx context.Context, items []T) []error) []error {
	return attempts.Run(ctx, attempts.Policy{
		Unknown:  taskhawk.ErrOutcomeUnknown,
		Panicked: func(value any) error { return &taskhawk.PanicError{Value: value} },
	}, items, call)
}

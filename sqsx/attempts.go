package sqsx

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The limits of every call but the long poll. The SDK itself would wait for ever, and its own retries share a quota among all
// calls of a client that runs dry in an outage: so each attempt is one call of the SDK, and the attempts are counted here.
const (
	callTimeout = 10 * time.Second // one attempt
	allTimeout  = 20 * time.Second // all attempts
	maxAttempts = 3
	firstPause  = 100 * time.Millisecond
)

// once keeps the SDK from retrying.
func once(o *sqs.Options) { o.RetryMaxAttempts = 1 }

// attempt makes calls for the items until each has succeeded or failed for good, up to three in all. Only items whose failure may
// pass are in the next call. It returns an error for each item; one that may have been stored although all its attempts failed
// has an error that wraps taskhawk.ErrOutcomeUnknown.
func attempt[T any](ctx context.Context, items []T, call func(ctx context.Context, items []T) []error) []error {
	ctx, cancel := context.WithTimeout(ctx, allTimeout)
	defer cancel()
	errs, doubtful := make([]error, len(items)), make([]bool, len(items))
	open := make([]int, len(items))
	for i := range open {
		open[i] = i
	}
	for n := 1; len(open) > 0; n++ {
		var again []int
		for i, err := range callOnce(ctx, pick(items, open), call) {
			index := open[i]
			errs[index] = err
			if err == nil {
				continue
			}
			doubtful[index] = doubtful[index] || unknown(err)
			if retryable(err) {
				again = append(again, index)
			}
		}
		if open = again; n == maxAttempts || len(open) > 0 && !pause(ctx, n) {
			break
		}
	}
	for i, err := range errs {
		if err != nil && doubtful[i] {
			errs[i] = fmt.Errorf("%w: %w", taskhawk.ErrOutcomeUnknown, err)
		}
	}
	return errs
}

func pick[T any](items []T, indexes []int) []T {
	picked := make([]T, len(indexes))
	for i, index := range indexes {
		picked[i] = items[index]
	}
	return picked
}

// callOnce bounds one attempt, and survives a panic in the SDK.
func callOnce[T any](ctx context.Context, items []T, call func(ctx context.Context, items []T) []error) (errs []error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			errs = fill(len(items), &taskhawk.PanicError{Value: value})
		}
	}()
	return call(ctx, items)
}

// fill returns err n times.
func fill(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// pause waits before the attempt after the n-th, with jitter; it reports false when ctx ends first.
func pause(ctx context.Context, n int) bool {
	timer := time.NewTimer(firstPause<<(2*n-2)/2 + rand.N(firstPause<<(2*n-2)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package awsbatch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// The limits of every call but the long poll.
const (
	CallTimeout = 10 * time.Second // one attempt
	AllTimeout  = 20 * time.Second // all attempts

	maxAttempts = 3
	firstPause  = 100 * time.Millisecond
)

// Policy is how errors look to the caller's callers.
type Policy struct {
	// Unknown is wrapped by the error of an item that may have been stored although all its attempts failed.
	Unknown error
	// Panicked makes an error of what the call panicked with.
	Panicked func(value any) error
}

// Run makes calls for the items until each has succeeded or failed for good, up to three in all. Only items whose failure may pass
// ([Retryable]) are in the next call. It returns an error for each item, as the call must.
func Run[T any](ctx context.Context, policy Policy, items []T, call func(ctx context.Context, items []T) []error) []error {
	ctx, cancel := context.WithTimeout(ctx, AllTimeout)
	defer cancel()
	errs, doubtful := make([]error, len(items)), make([]bool, len(items))
	open := make([]int, len(items))
	for i := range open {
		open[i] = i
	}
	for n := 1; len(open) > 0; n++ {
		var again []int
		for i, err := range split(ctx, policy, pick(items, open), call) {
			index := open[i]
			errs[index] = err
			if err == nil {
				continue
			}
			doubtful[index] = doubtful[index] || Doubtful(err)
			if Retryable(err) {
				again = append(again, index)
			}
		}
		if open = again; n == maxAttempts || len(open) > 0 && !pause(ctx, n) {
			break
		}
	}
	for i, err := range errs {
		if err != nil && doubtful[i] {
			errs[i] = fmt.Errorf("%w: %w", policy.Unknown, err)
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

// split makes one attempt. A call that is refused as a whole for its size is made again in halves, down to single items: the service, or a
// proxy before it, takes less in a call than AWS does, and small items must not fail because they share a call with a large one.
func split[T any](
	ctx context.Context, policy Policy, items []T, call func(ctx context.Context, items []T) []error,
) []error {
	errs := callOnce(ctx, policy, items, call)
	if len(items) < 2 || !allTooLarge(errs) {
		return errs
	}
	half := len(items) / 2
	return append(split(ctx, policy, items[:half], call), split(ctx, policy, items[half:], call)...)
}

func allTooLarge(errs []error) bool {
	return !slices.ContainsFunc(errs, func(err error) bool { return err == nil || !tooLarge(err) })
}

// callOnce bounds one attempt, and survives a panic in the SDK.
func callOnce[T any](
	ctx context.Context, policy Policy, items []T, call func(ctx context.Context, items []T) []error,
) (errs []error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			errs = Fill(len(items), policy.Panicked(value))
		}
	}()
	return call(ctx, items)
}

// Fill returns err n times: the errors of a call that failed as a whole.
func Fill(n int, err error) []error {
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

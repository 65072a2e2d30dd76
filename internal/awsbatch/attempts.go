package awsbatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The limits of every call but the long poll.
const (
	CallTimeout = 10 * time.Second // one attempt
	AllTimeout  = 20 * time.Second // all attempts; also the wait in line before them

	maxAttempts = 3
	firstPause  = 100 * time.Millisecond
)

// MaxEntries is how many entries a batch call takes.
const MaxEntries = 10

// ErrNoAnswer is the result of an entry that the service names neither as done nor as
// failed.
var ErrNoAnswer = errors.New("the service gave no result for the entry")

// Call makes one attempt for items, at a URL or ARN. It returns an error for each, or the
// one error of a call that failed as a whole.
type Call[T any] func(ctx context.Context, to string, items []T) ([]error, error)

// Run makes calls until each item has succeeded or failed for good, up to three for an
// item. The next call has the items whose errors are [Retryable]. A call that is refused
// for its size is repeated in halves, down to single items, so that a large item fails
// alone.
//
// The time limit of all calls is AllTimeout, or earlier if ctx has an earlier one.
//
// Run passes each item to done once, as soon as its result is final. If the service may
// have stored an item although all attempts failed, its error wraps
// taskhawk.ErrOutcomeUnknown.
func Run[T any](ctx context.Context, to string, items []T, call Call[T], done func(err error, items ...int)) {
	ctx, cancel := context.WithTimeout(ctx, AllTimeout)
	defer cancel()
	r := &results{doubtful: make([]bool, len(items)), errs: make([]error, len(items)), done: done}
	batches := [][]int{r.all()}
	for n := 1; len(batches) > 0; n++ {
		if n > 1 && !pause(ctx, n-1) {
			break
		}
		var again [][]int
		for len(batches) > 0 {
			batch := batches[0]
			batches = batches[1:]
			errs, whole := attempt(ctx, to, pick(items, batch), call)
			if whole != nil && len(batch) > 1 && tooLarge(whole) {
				half := len(batch) / 2
				batches = slices.Insert(batches, 0, batch[:half], batch[half:])
				continue
			}
			if whole != nil {
				errs = Fill(len(batch), whole)
			}
			if open := r.note(batch, errs, n == maxAttempts); len(open) > 0 {
				again = append(again, open)
			}
		}
		batches = again
	}
	for _, batch := range batches {
		for _, i := range batch {
			r.finish(i)
		}
	}
}

// Retry makes a call that stores nothing until it succeeds or fails for good, up to three
// times.
func Retry(ctx context.Context, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, AllTimeout)
	defer cancel()
	for n := 1; ; n++ {
		_, err := attempt(ctx, "", nil, func(ctx context.Context, _ string, _ []struct{}) ([]error, error) {
			return nil, call(ctx)
		})
		if err == nil || !Retryable(err) || n == maxAttempts || !pause(ctx, n) {
			return err
		}
	}
}

// results are the errors of the items of a Run.
type results struct {
	errs     []error // of the last attempt
	doubtful []bool  // whether an attempt may have stored the item
	done     func(err error, items ...int)
}

func (r *results) all() []int {
	indexes := make([]int, len(r.errs))
	for i := range indexes {
		indexes[i] = i
	}
	return indexes
}

// note stores the results of an attempt, and returns the items to try again.
func (r *results) note(batch []int, errs []error, last bool) (again []int) {
	stored := make([]int, 0, len(batch))
	for k, i := range batch {
		r.errs[i] = errs[k]
		r.doubtful[i] = r.doubtful[i] || errs[k] != nil && Doubtful(errs[k])
		switch {
		case errs[k] == nil:
			stored = append(stored, i)
		case !last && Retryable(errs[k]):
			again = append(again, i)
		default:
			r.finish(i)
		}
	}
	if len(stored) > 0 {
		r.done(nil, stored...)
	}
	return again
}

func (r *results) finish(i int) {
	err := r.errs[i]
	if err != nil && r.doubtful[i] {
		err = fmt.Errorf("%w: %w", taskhawk.ErrOutcomeUnknown, err)
	}
	r.done(err, i)
}

func pick[T any](items []T, indexes []int) []T {
	if len(indexes) == len(items) {
		return items
	}
	picked := make([]T, len(indexes))
	for k, i := range indexes {
		picked[k] = items[i]
	}
	return picked
}

// attempt makes one call within CallTimeout. A panic in the SDK is an error, and the
// methods of the error are safe to call.
func attempt[T any](ctx context.Context, to string, items []T, call Call[T]) (errs []error, err error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	ctx, p := withProgress(ctx)
	defer func() { err = p.mark(recovered(recover(), err)) }()
	return call(ctx, to, items)
}

// Fill returns err n times: the errors of a call that failed as a whole.
func Fill(n int, err error) []error {
	return slices.Repeat([]error{err}, n)
}

// pause waits before the attempt after the n-th, with jitter; it reports false when ctx
// ends first.
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

// EntryIDs returns the ids of n entries of a batch. They are not the messages' own: one
// message can be in a batch twice, and ids must differ.
func EntryIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	return ids
}

// Results are the errors of the entries of a batch, in order: [ErrNoAnswer] until Done
// or Failed sets another.
type Results []error

// NewResults makes the results of n entries.
func NewResults(n int) Results { return Fill(n, ErrNoAnswer) }

// Done records that the entry with an id succeeded. An id that is not in [EntryIDs] is
// ignored.
func (r Results) Done(id *string) { r.set(id, nil) }

// Failed records the answer of the service for the entry with an id. An id that is not in
// [EntryIDs] is ignored.
func (r Results) Failed(id, code, message *string, senderFault bool) {
	fault := smithy.FaultServer
	if senderFault {
		fault = smithy.FaultClient
	}
	r.set(id, &smithy.GenericAPIError{Code: aws.ToString(code), Message: aws.ToString(message), Fault: fault})
}

func (r Results) set(id *string, err error) {
	if i, bad := strconv.Atoi(aws.ToString(id)); bad == nil && i >= 0 && i < len(r) {
		r[i] = err
	}
}

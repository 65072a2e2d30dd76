package awsbatch_test

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// run makes calls for items, and returns an error for each.
func run[T any](ctx context.Context, items []T, call func(ctx context.Context, items []T) ([]error, error)) []error {
	errs := make([]error, len(items))
	awsbatch.Run(ctx, "url", items, func(ctx context.Context, _ string, items []T) ([]error, error) { return call(ctx, items) },
		func(err error, items ...int) {
			for _, i := range items {
				errs[i] = err
			}
		})
	return errs
}

func entryError(code string, fault smithy.ErrorFault) error {
	return &smithy.GenericAPIError{Code: code, Fault: fault}
}

// A pause belongs between attempts, not behind the last one.
func TestRunReturnsWithItsLastAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var results int
		awsbatch.Run(t.Context(), "url", []int{1, 2}, func(context.Context, string, []int) ([]error, error) {
			return make([]error, 2), nil
		}, func(_ error, items ...int) {
			results++
			require.Equal(t, []int{0, 1}, items)
		})
		require.Equal(t, 1, results, "one report for what one call stored")
		require.Zero(t, time.Since(start))

		start = time.Now()
		awsbatch.Run(t.Context(), "url", []int{1}, func(context.Context, string, []int) ([]error, error) {
			return []error{entryError("Refused", smithy.FaultClient)}, nil
		}, func(error, ...int) { results++ })
		require.Equal(t, 2, results)
		require.Zero(t, time.Since(start))
	})
}

func TestOnlyWhatMayPassIsSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls [][]string
		errs := run(t.Context(), []string{"good", "bad", "late", "never"},
			func(_ context.Context, items []string) ([]error, error) {
				calls = append(calls, items)
				results := awsbatch.NewResults(len(items))
				for i, item := range items {
					switch {
					case item == "good", item == "late" && len(calls) == 2:
						results.Done(aws.String(strconv.Itoa(i)))
					case item == "bad":
						results.Failed(aws.String(strconv.Itoa(i)), aws.String("Refused"), nil, true)
					default:
						results.Failed(aws.String(strconv.Itoa(i)), aws.String("InternalError"), nil, false)
					}
				}
				return results, nil
			})
		require.Equal(t, [][]string{{"good", "bad", "late", "never"}, {"late", "never"}, {"never"}}, calls)
		require.NoError(t, errs[0])
		require.ErrorContains(t, errs[1], "Refused")
		require.NoError(t, errs[2])
		require.ErrorContains(t, errs[3], "InternalError")
		require.ErrorIs(t, errs[3], taskhawk.ErrOutcomeUnknown, "the service may have failed after it stored the item")
	})
}

func TestEachCallHasADeadlineAndAllTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, calls := time.Now(), 0
		errs := run(t.Context(), []int{1}, func(ctx context.Context, _ []int) ([]error, error) {
			calls++
			<-ctx.Done()
			return nil, ctx.Err()
		})
		require.ErrorIs(t, errs[0], context.DeadlineExceeded)
		require.ErrorIs(t, errs[0], taskhawk.ErrOutcomeUnknown)
		require.Equal(t, awsbatch.AllTimeout, time.Since(start))
		require.Equal(t, 2, calls, "10 s for one, and what the pause leaves of 20 s for the next")
	})
}

func TestACancelledCallerIsNotKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		errs := run(ctx, []int{1}, func(context.Context, []int) ([]error, error) {
			calls++
			cancel()
			return []error{awsbatch.ErrNoAnswer}, nil
		})
		require.Equal(t, 1, calls)
		require.ErrorIs(t, errs[0], taskhawk.ErrOutcomeUnknown)

		ctx, cancel = context.WithCancel(t.Context())
		start := time.Now()
		require.ErrorIs(t, awsbatch.Retry(ctx, func(context.Context) error {
			calls++
			cancel()
			return awsbatch.ErrNoAnswer
		}), awsbatch.ErrNoAnswer)
		require.Equal(t, 2, calls)
		require.Zero(t, time.Since(start))
	})
}

func TestAPanicIsAnErrorOfEveryItem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		errs := run(t.Context(), []int{1, 2}, func(context.Context, []int) ([]error, error) { panic("odd") })
		for _, err := range errs {
			var panicked *taskhawk.PanicError
			require.ErrorAs(t, err, &panicked)
			require.ErrorIs(t, err, taskhawk.ErrOutcomeUnknown)
		}
	})
}

// Ids that were not asked about change nothing; no entry is taken for done that is not
// named.
func TestResultsOfStrangeAnswers(t *testing.T) {
	t.Parallel()
	results := awsbatch.NewResults(2)
	for _, id := range []string{"", "-1", "2", "x", "1.0"} {
		results.Done(&id)
	}
	results.Done(nil)
	require.Equal(t, awsbatch.Fill(2, awsbatch.ErrNoAnswer), []error(results))
}

// The service gets 50 to 150 ms before the second attempt, and 200 to 600 ms before the
// third.
func TestAttemptsHavePauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pauses := map[time.Duration]bool{}
		for n := range 40 {
			var at []time.Time
			call := func(context.Context) error {
				at = append(at, time.Now())
				return awsbatch.ErrNoAnswer
			}
			if n%2 == 0 {
				require.Error(t, awsbatch.Retry(t.Context(), call))
			} else {
				run(t.Context(), []int{1}, func(ctx context.Context, _ []int) ([]error, error) { return nil, call(ctx) })
			}
			require.Len(t, at, 3)
			first, second := at[1].Sub(at[0]), at[2].Sub(at[1])
			pauses[first], pauses[second] = true, true
			require.True(t, first >= 50*time.Millisecond && first < 150*time.Millisecond, first)
			require.True(t, second >= 200*time.Millisecond && second < 600*time.Millisecond, second)
		}
		require.Greater(t, len(pauses), 40, "callers that fail together come back apart")
	})
}

// A call that is refused for its size is made again in halves, down to single items.
// Those that fail for another reason stay apart in the next attempt.
func TestCallsThatAreTooLargeAreMadeInHalves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls [][]int
		failed := false
		errs := run(t.Context(), []int{1, 2, 9, 3, 4}, func(_ context.Context, items []int) ([]error, error) {
			calls = append(calls, items)
			sum := 0
			for _, item := range items {
				sum += item
			}
			if sum > 8 {
				return nil, entryError("BatchRequestTooLong", smithy.FaultClient)
			}
			if items[0] == 1 && !failed {
				failed = true
				return nil, entryError("InternalError", smithy.FaultServer)
			}
			return make([]error, len(items)), nil
		})
		require.Equal(t, [][]int{{1, 2, 9, 3, 4}, {1, 2}, {9, 3, 4}, {9}, {3, 4}, {1, 2}}, calls)
		for i, err := range errs {
			require.Equal(t, i == 2, err != nil, i)
		}
		require.ErrorContains(t, errs[2], "BatchRequestTooLong")
		require.NotErrorIs(t, errs[2], taskhawk.ErrOutcomeUnknown)
	})
}

// An item that is done does not wait for the attempts of others.
func TestResultsAreReportedAsTheyCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, at := time.Now(), map[int]time.Duration{}
		awsbatch.Run(t.Context(), "url", []string{"good", "late"}, func(_ context.Context, to string, items []string) ([]error, error) {
			require.Equal(t, "url", to)
			results := awsbatch.NewResults(len(items))
			results.Done(aws.String("0"))
			if len(items) == 1 {
				return make([]error, 1), nil
			}
			return results, nil
		}, func(err error, items ...int) {
			require.NoError(t, err)
			for _, i := range items {
				require.NotContains(t, at, i, "once")
				at[i] = time.Since(start)
			}
		})
		require.Zero(t, at[0])
		require.Positive(t, at[1])
	})
}

func TestRetryGoesOnWhileItMayHelp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for want, errs := range map[int][]error{
			1: {entryError("AccessDenied", smithy.FaultClient)},
			2: {entryError("InternalError", smithy.FaultServer), nil},
			3: {awsbatch.ErrNoAnswer, awsbatch.ErrNoAnswer, awsbatch.ErrNoAnswer},
		} {
			calls := 0
			err := awsbatch.Retry(t.Context(), func(context.Context) error {
				calls++
				return errs[calls-1]
			})
			require.Equal(t, errs[len(errs)-1], err, "as it is: nothing was stored")
			require.Equal(t, want, calls)
		}
		var panicked *taskhawk.PanicError
		require.ErrorAs(t, awsbatch.Retry(t.Context(), func(context.Context) error { panic("odd") }), &panicked)
	})
}

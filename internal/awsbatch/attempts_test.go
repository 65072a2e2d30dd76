package awsbatch_test

import (
	"context"
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
		func(i int, err error) { errs[i] = err })
	return errs
}

func entryError(code string, fault smithy.ErrorFault) error {
	return &smithy.GenericAPIError{Code: code, Fault: fault}
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
						results.Done(awsbatch.EntryID(i))
					case item == "bad":
						results.Failed(awsbatch.EntryID(i), aws.String("Refused"), nil, true)
					default:
						results.Failed(awsbatch.EntryID(i), aws.String("InternalError"), nil, false)
					}
				}
				return results, nil
			})
		require.Equal(t, [][]string{{"good", "bad", "late", "never"}, {"late", "never"}, {"never"}}, calls)
		require.NoError(t, errs[0])
		require.ErrorContains(t, errs[1], "Refused")
		require.NoError(t, errs[2])
		require.ErrorContains(t, errs[3], "InternalError")
		require.NotErrorIs(t, errs[3], taskhawk.ErrOutcomeUnknown, "the service said what became of it")
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

// Ids that were not asked about change nothing; no entry is taken for done that is not named.
func TestResultsOfStrangeAnswers(t *testing.T) {
	t.Parallel()
	results := awsbatch.NewResults(2)
	for _, id := range []string{"", "-1", "2", "x", "1.0"} {
		results.Done(&id)
	}
	results.Done(nil)
	require.Equal(t, awsbatch.Fill(2, awsbatch.ErrNoAnswer), []error(results))
}

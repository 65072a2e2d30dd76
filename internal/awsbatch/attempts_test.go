package awsbatch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
)

var (
	errUnknown  = errors.New("nobody knows")
	errPanicked = errors.New("panicked")
)

func policy() awsbatch.Policy {
	return awsbatch.Policy{
		Unknown: errUnknown, Panicked: func(value any) error { return fmt.Errorf("%w: %v", errPanicked, value) },
	}
}

func entryError(code string, fault smithy.ErrorFault) error {
	return &smithy.GenericAPIError{Code: code, Fault: fault}
}

func TestOnlyWhatMayPassIsSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls [][]string
		errs := awsbatch.Run(t.Context(), policy(), []string{"good", "bad", "late", "never"},
			func(_ context.Context, items []string) []error {
				calls = append(calls, items)
				results := awsbatch.NewResults(len(items))
				for i, item := range items {
					switch {
					case item == "good", item == "late" && len(calls) == 2:
						results.Set(awsbatch.EntryID(i), nil)
					case item == "bad":
						results.Set(awsbatch.EntryID(i), entryError("Refused", smithy.FaultClient))
					default:
						results.Set(awsbatch.EntryID(i), entryError("InternalError", smithy.FaultServer))
					}
				}
				return results
			})
		require.Equal(t, [][]string{{"good", "bad", "late", "never"}, {"late", "never"}, {"never"}}, calls)
		require.NoError(t, errs[0])
		require.ErrorContains(t, errs[1], "Refused")
		require.NoError(t, errs[2])
		require.ErrorContains(t, errs[3], "InternalError")
		require.NotErrorIs(t, errs[3], errUnknown, "the service said what became of it")
	})
}

func TestEachCallHasADeadlineAndAllTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, calls := time.Now(), 0
		errs := awsbatch.Run(t.Context(), policy(), []int{1}, func(ctx context.Context, _ []int) []error {
			calls++
			<-ctx.Done()
			return []error{ctx.Err()}
		})
		require.ErrorIs(t, errs[0], context.DeadlineExceeded)
		require.ErrorIs(t, errs[0], errUnknown)
		require.Equal(t, awsbatch.AllTimeout, time.Since(start))
		require.Equal(t, 2, calls, "10 s for one, and what the pause leaves of 20 s for the next")
	})
}

func TestACancelledCallerIsNotKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		errs := awsbatch.Run(ctx, policy(), []int{1}, func(context.Context, []int) []error {
			calls++
			cancel()
			return []error{awsbatch.ErrNoAnswer}
		})
		require.Equal(t, 1, calls)
		require.ErrorIs(t, errs[0], errUnknown)
	})
}

func TestAPanicIsAnErrorOfEveryItem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		errs := awsbatch.Run(t.Context(), policy(), []int{1, 2}, func(context.Context, []int) []error { panic("odd") })
		for _, err := range errs {
			require.ErrorIs(t, err, errPanicked)
			require.ErrorIs(t, err, errUnknown)
		}
	})
}

// Ids that were not asked about change nothing; nobody is taken for done who is not named.
func TestResultsOfStrangeAnswers(t *testing.T) {
	t.Parallel()
	results := awsbatch.NewResults(2)
	for _, id := range []string{"", "-1", "2", "x", "1.0"} {
		results.Set(&id, nil)
	}
	results.Set(nil, nil)
	require.Equal(t, awsbatch.Fill(2, awsbatch.ErrNoAnswer), []error(results))
}

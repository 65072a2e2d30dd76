package taskhawk_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestOutcomeOf(t *testing.T) {
	t.Parallel()
	var (
		done   = taskhawk.Outcome{Action: taskhawk.ActionDelete}
		failed = taskhawk.Outcome{Action: taskhawk.ActionRetry}
		again  = taskhawk.Outcome{Action: taskhawk.ActionRetry, Expected: true}
		dead   = taskhawk.Outcome{Action: taskhawk.ActionDeadLetter}
		fine   = taskhawk.Outcome{Action: taskhawk.ActionDelete, Expected: true}
		later  = func(d time.Duration) taskhawk.Outcome {
			return taskhawk.Outcome{Action: taskhawk.ActionRetry, Expected: true, HasDelay: true, Delay: d}
		}
		wrapped = func(err error) error { return fmt.Errorf("tasks.x: %w", err) }
	)
	for name, c := range map[string]struct {
		err  error
		want taskhawk.Outcome
	}{
		"nil":                              {nil, done},
		"any error":                        {errDown, failed},
		"a wrapped one":                    {wrapped(errDown), failed},
		"end of the context":               {context.Canceled, failed},
		"unknown task":                     {taskhawk.ErrUnknownTask, failed},
		"unreadable message":               {&taskhawk.MessageError{}, failed},
		"arguments that do not bind":       {&taskhawk.ArgumentError{Err: errDown}, failed},
		"invalid arguments":                {&taskhawk.ValidationError{Err: errDown}, failed},
		"timeout":                          {taskhawk.ErrTimeout, failed},
		"Retry":                            {taskhawk.Retry(errDown), again},
		"Retry(nil)":                       {taskhawk.Retry(nil), again},
		"RetryAfter":                       {taskhawk.RetryAfter(time.Minute, errDown), later(time.Minute)},
		"RetryAfter(0)":                    {taskhawk.RetryAfter(0, errDown), later(0)},
		"RetryAfter(-1)":                   {taskhawk.RetryAfter(-1, errDown), later(0)},
		"RetryAfter(nil)":                  {taskhawk.RetryAfter(time.Hour, nil), later(time.Hour)},
		"Ignore":                           {taskhawk.Ignore(errDown), fine},
		"Ignore(nil)":                      {taskhawk.Ignore(nil), done},
		"Permanent":                        {taskhawk.Permanent(errDown), dead},
		"Permanent(nil)":                   {taskhawk.Permanent(nil), dead},
		"wrapped":                          {wrapped(wrapped(taskhawk.Permanent(errDown))), dead},
		"wrapped beside another":           {fmt.Errorf("%w after %s: %w", taskhawk.ErrTimeout, time.Second, taskhawk.Ignore(errDown)), fine},
		"joined":                           {errors.Join(errDown, taskhawk.RetryAfter(time.Second, errDown)), later(time.Second)},
		"joined, the first decides":        {errors.Join(taskhawk.Retry(errDown), taskhawk.Permanent(errDown)), again},
		"nested, the outermost decides":    {taskhawk.Permanent(wrapped(taskhawk.Ignore(errDown))), dead},
		"nested the other way":             {wrapped(taskhawk.Ignore(taskhawk.Permanent(errDown))), fine},
		"Retry takes a delay back":         {taskhawk.Retry(taskhawk.RetryAfter(time.Second, errDown)), again},
		"panic":                            {&taskhawk.PanicError{Value: "x"}, failed},
		"panic with an outcome":            {&taskhawk.PanicError{Value: taskhawk.Ignore(errDown)}, failed},
		"panic with an outcome, wrapped":   {wrapped(&taskhawk.PanicError{Value: wrapped(taskhawk.Permanent(errDown))}), failed},
		"panic made permanent":             {taskhawk.Permanent(&taskhawk.PanicError{Value: taskhawk.Ignore(errDown)}), dead},
		"panic beside a permanent failure": {errors.Join(&taskhawk.PanicError{}, taskhawk.Permanent(errDown)), failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := c.want
			want.Err = c.err
			require.Equal(t, want, taskhawk.OutcomeOf(c.err))
		})
	}
}

func TestOutcomesKeepTheirCause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		text string
	}{
		{taskhawk.Retry(errDown), "retry: the service is down"},
		{taskhawk.RetryAfter(time.Second, errDown), "retry: the service is down"},
		{taskhawk.Ignore(errDown), "ignore: the service is down"},
		{taskhawk.Permanent(errDown), "permanent: the service is down"},
	} {
		require.ErrorIs(t, c.err, errDown)
		require.EqualError(t, c.err, c.text)
	}
	require.NoError(t, taskhawk.Ignore(nil))
	for _, c := range []struct {
		err  error
		text string
	}{
		{taskhawk.Retry(nil), "retry"},
		{taskhawk.RetryAfter(time.Second, nil), "retry"},
		{taskhawk.Permanent(nil), "permanent"},
	} {
		require.EqualError(t, c.err, c.text)
		require.NoError(t, errors.Unwrap(c.err))
	}
}

func TestActionsHaveNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "delete", taskhawk.ActionDelete.String())
	require.Equal(t, "retry", taskhawk.ActionRetry.String())
	require.Equal(t, "dead letter", taskhawk.ActionDeadLetter.String())
}

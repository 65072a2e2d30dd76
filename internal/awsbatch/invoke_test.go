package awsbatch_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// method is a method of a client whose answers are those of answer.
func method(answer func() (*int, error)) func(context.Context, *string, ...func(*bool)) (*int, error) {
	return func(context.Context, *string, ...func(*bool)) (*int, error) { return answer() }
}

func TestInvokeOutlivesTheClient(t *testing.T) {
	t.Parallel()
	number, in := 1, "in"
	errDown := errors.New("down")
	var typedNil *fs.PathError
	for want, answer := range map[string]func() (*int, error){
		"":               func() (*int, error) { return &number, nil },
		"down":           func() (*int, error) { return nil, errDown },
		"panic (string)": func() (*int, error) { panic("secret") },
		"the client returned neither an answer nor an error": func() (*int, error) { return nil, nil }, //nolint:nilnil // a fake's
		"*fs.PathError: its Error method panicked":           func() (*int, error) { return nil, typedNil },
	} {
		out, err := awsbatch.Invoke(t.Context(), method(answer), &in)
		if want == "" {
			require.NoError(t, err)
			require.Equal(t, &number, out)
			continue
		}
		require.EqualError(t, err, want)
		require.Nil(t, out)
	}
	_, err := awsbatch.Invoke(t.Context(), method(func() (*int, error) { return nil, errDown }), &in)
	require.Equal(t, errDown, err, "an error that does no harm stays as it is")
}

func TestAnAttemptOutlivesMethodsOfItsError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var typedNil *fs.PathError
		for _, failure := range []error{typedNil, &fs.PathError{Err: typedNil}} {
			calls := 0
			errs := run(t.Context(), []int{1, 2}, func(context.Context, []int) ([]error, error) {
				calls++
				return nil, failure
			})
			require.Equal(t, 3, calls, "it may pass")
			require.ErrorContains(t, errs[0], "*fs.PathError: its ")
			require.ErrorIs(t, errs[1], taskhawk.ErrOutcomeUnknown)
		}
	})
}

func TestNameOutlivesNaming(t *testing.T) {
	t.Parallel()
	name, err := awsbatch.Name(func(app string, _ taskhawk.Priority) string { return app + "-x" }, "app", taskhawk.Low)
	require.NoError(t, err)
	require.Equal(t, "app-x", name)
	_, err = awsbatch.Name(func(string, taskhawk.Priority) string { panic("x") }, "app", taskhawk.Low)
	require.EqualError(t, err, "naming for priority low: panic (string)")
}

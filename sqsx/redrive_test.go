package sqsx_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func letters(priority taskhawk.Priority) string { return sqsx.DeadLetterQueueName(*name(priority)) }

func TestRedriveMovesToTheQueueOfThePriority(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var repaired atomic.Bool
		r := newRig(t, func(context.Context, int) error {
			if repaired.Load() {
				return nil
			}
			return taskhawk.Permanent(errTest)
		})
		r.start(sqsx.WorkerConfig{})
		for n := range 25 {
			r.dispatch(n, taskhawk.WithPriority(taskhawk.Low), taskhawk.WithHeaders(taskhawk.Headers{"k": "v"}))
		}
		r.dispatch(25, taskhawk.WithPriority(taskhawk.High))
		time.Sleep(time.Minute)
		r.stop()
		require.Len(t, r.messages(letters(taskhawk.Low)), 25)

		report, err := sqsx.Redrive(t.Context(), r.client, app, sqsx.RedriveConfig{})
		require.NoError(t, err)
		require.Equal(t, map[string]int{*name(taskhawk.Low): 25, *name(taskhawk.High): 1}, report.Moved)
		require.Equal(t, 26, report.Total())
		require.Empty(t, r.messages(letters(taskhawk.Low)))
		moved := r.messages(*name(taskhawk.Low))
		require.Len(t, moved, 25)
		require.Equal(t, "v", moved[0].Attributes["k"])
		require.Equal(t, "tests.number", moved[0].Attributes["taskhawk_task"])
		require.NotContains(t, moved[0].Attributes, "taskhawk_reason")

		repaired.Store(true)
		r.start(sqsx.WorkerConfig{})
		time.Sleep(time.Minute)
		r.stop()
		r.requireEmpty()
	})
}

func TestRedriveEndsThoughTheTaskGoesOnFailing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(context.Context, int) error { return taskhawk.Permanent(errTest) })
		r.start(sqsx.WorkerConfig{})
		r.dispatch(1)
		time.Sleep(time.Second)
		report, err := sqsx.Redrive(t.Context(), r.client, app, sqsx.RedriveConfig{})
		require.NoError(t, err)
		require.Equal(t, 1, report.Total())
		r.stop()
		require.Len(t, r.messages(letters(taskhawk.Default)), 1)
	})
}

func TestRedriveLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(context.Context, int) error { return taskhawk.Permanent(errTest) })
		r.start(sqsx.WorkerConfig{})
		for n := range 20 {
			r.dispatch(n)
		}
		time.Sleep(time.Second)
		r.stop()
		report, err := sqsx.Redrive(t.Context(), r.client, app, sqsx.RedriveConfig{Limit: 13})
		require.NoError(t, err)
		require.Equal(t, 13, report.Total())
		require.Len(t, r.messages(letters(taskhawk.Default)), 7)
		require.Len(t, r.messages(*name(taskhawk.Default)), 13)
	})
}

func TestRedriveRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	_, err := sqsx.Redrive(t.Context(), silentAPI{}, app, sqsx.RedriveConfig{Limit: -1})
	require.ErrorContains(t, err, "negative Limit")
	_, err = sqsx.Redrive(t.Context(), silentAPI{}, "", sqsx.RedriveConfig{})
	require.ErrorContains(t, err, "no name")
}

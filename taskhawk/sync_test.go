package taskhawk_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestSyncRunsTheTaskInsideDispatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var got []any
		var metadata taskhawk.Metadata
		task := taskhawk.New("t", func(ctx context.Context, args struct{ Any []any }) error {
			got, metadata = args.Any, taskhawk.MetadataFrom(ctx)
			require.Equal(t, "value", ctx.Value(key{}))
			require.ErrorIs(t, taskhawk.ExtendVisibility(ctx, time.Minute), taskhawk.ErrNoVisibility)
			require.WithinDuration(t, time.Now(), taskhawk.DeliveryFrom(ctx).Received, 0)
			return nil
		})
		middleware := 0
		newHub(t, taskhawk.Config{
			Sync: true, Tasks: []taskhawk.AnyTask{task},
			Middleware: []taskhawk.Middleware{func(next taskhawk.Handler) taskhawk.Handler { middleware++; return next }},
		})
		id, err := task.Dispatch(context.WithValue(t.Context(), key{}, "value"), struct{ Any []any }{[]any{1, true}},
			taskhawk.WithPriority(taskhawk.Low), taskhawk.WithHeaders(taskhawk.Headers{"a": "1"}), taskhawk.WithDelay(time.Hour))
		require.NoError(t, err)
		require.Equal(t, []any{1.0, true}, got, "as JSON brings it, not as it was passed")
		require.Equal(t, 1, middleware)
		require.Equal(t, taskhawk.Metadata{
			ID: id, Task: "t", Priority: taskhawk.Low, Headers: taskhawk.Headers{"a": "1"}, Version: "1.0", Attempt: 1, MessageID: id,
			Timestamp: time.Now().UTC(),
		}, metadata)
	})
}

func TestSyncReturnsWhatTheTaskReturns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		returns error
		fails   bool
	}{
		"nil":       {nil, false},
		"failure":   {errDown, true},
		"retry":     {taskhawk.Retry(errDown), true},
		"permanent": {taskhawk.Permanent(errDown), true},
		"ignored":   {taskhawk.Ignore(errDown), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := taskhawk.New("t", func(context.Context, struct{}) error { return c.returns })
			newHub(t, taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{task}})
			id, err := task.Dispatch(t.Context(), struct{}{})
			require.NotEmpty(t, id)
			require.Equal(t, c.fails, err != nil)
			if c.fails {
				require.ErrorIs(t, err, errDown)
				require.ErrorContains(t, err, "taskhawk: dispatch t: ")
				require.Equal(t, taskhawk.OutcomeOf(c.returns).Action, taskhawk.OutcomeOf(err).Action)
			}
		})
	}
}

func TestSyncFindsWhatAQueueWould(t *testing.T) {
	t.Parallel()
	type checked struct {
		To string `validate:"email"`
	}
	panics := taskhawk.New("panics", func(context.Context, struct{}) error { panic(1) })
	invalid := taskhawk.New("checked", func(context.Context, checked) error { return nil })
	sender := taskhawk.New[struct{}]("sender", nil)
	newHub(t, taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{panics, invalid, sender}})
	_, err := panics.Dispatch(t.Context(), struct{}{})
	var panicked *taskhawk.PanicError
	require.ErrorAs(t, err, &panicked)
	_, err = invalid.Dispatch(t.Context(), checked{})
	var broken *taskhawk.ValidationError
	require.ErrorAs(t, err, &broken)
	_, err = sender.Dispatch(t.Context(), struct{}{})
	require.ErrorIs(t, err, taskhawk.ErrNoHandler)
}

func TestSyncNests(t *testing.T) {
	t.Parallel()
	var ran []string
	inner := taskhawk.New("inner", func(ctx context.Context, args struct{ N int }) error {
		ran = append(ran, taskhawk.MetadataFrom(ctx).ID)
		if args.N == 2 {
			return errDown
		}
		return nil
	})
	outer := taskhawk.New("outer", func(ctx context.Context, _ struct{}) error {
		_, err := inner.Dispatch(ctx, struct{ N int }{1}, taskhawk.WithID("inner"))
		require.NoError(t, err)
		ran = append(ran, taskhawk.MetadataFrom(ctx).ID)
		_, err = inner.DispatchAll(ctx, []struct{ N int }{{1}, {2}})
		return err
	})
	newHub(t, taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{inner, outer}})
	_, err := outer.Dispatch(t.Context(), struct{}{}, taskhawk.WithID("outer"))
	require.ErrorIs(t, err, errDown)
	var batch *taskhawk.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, 2, batch.Total)
	require.Contains(t, batch.Failed, 1)
	require.Len(t, ran, 4)
	require.Equal(t, []string{"inner", "outer"}, ran[:2])
}

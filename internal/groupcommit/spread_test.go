package groupcommit_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
)

func TestSpreadKeepsTheOrderOfResults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		odd, even := &service{fail: func(item int) error { return map[int]error{3: errors.ErrUnsupported}[item] }}, &service{}
		committers := []*groupcommit.Committer[int]{groupcommit.New(config(even)), groupcommit.New(config(odd))}
		spread := groupcommit.NewSpread[int](6)
		for i := range 5 {
			spread.Add(i, committers[i%2], i)
		}
		spread.Fail(5, context.Canceled)
		start := time.Now()
		require.Equal(t, []error{nil, nil, nil, errors.ErrUnsupported, nil, context.Canceled}, spread.Send(t.Context()))
		require.Equal(t, time.Second, time.Since(start), "side by side")
		require.Equal(t, [][]int{{0, 2, 4}}, even.batches)
		require.Equal(t, [][]int{{1, 3}}, odd.batches)
	})
}

// errGone is what the caller makes of an item whose result nobody has.
var errGone = errors.New("gone")

func TestGivenUpItemsHaveTheErrorOfTheirConfig(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := config(&service{})
		cfg.GivenUp = func(err error) error { return errors.Join(errGone, err) }
		c := groupcommit.New(cfg)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		spread := groupcommit.NewSpread[int](1)
		spread.Add(0, c, 0)
		err := spread.Send(ctx)[0]
		require.ErrorIs(t, err, errGone)
		require.ErrorIs(t, err, groupcommit.ErrAbandoned)
		time.Sleep(time.Second)

		cfg.Commit = func(context.Context, []int) []error { return nil }
		err = groupcommit.New(cfg).Do(t.Context(), 0)
		require.ErrorIs(t, err, errGone)
		require.ErrorIs(t, err, groupcommit.ErrAbandoned)
	})
}

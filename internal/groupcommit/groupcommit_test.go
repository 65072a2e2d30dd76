package groupcommit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service takes a second for each call and remembers the batches.
type service struct {
	mu        sync.Mutex
	batches   [][]int
	now, peak int
	fail      func(item int) error
}

func (s *service) commit(_ context.Context, items []int) []error {
	s.mu.Lock()
	s.batches = append(s.batches, items)
	s.now++
	s.peak = max(s.peak, s.now)
	s.mu.Unlock()
	time.Sleep(time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
	errs := make([]error, len(items))
	for i, item := range items {
		if s.fail != nil {
			errs[i] = s.fail(item)
		}
	}
	return errs
}

func (s *service) lengths() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lengths []int
	for _, batch := range s.batches {
		lengths = append(lengths, len(batch))
	}
	return lengths
}

func config(s *service) groupcommit.Config[int] {
	return groupcommit.Config[int]{Commit: s.commit, MaxItems: 10, MaxCalls: 1}
}

func doConcurrently(c *groupcommit.Committer[int], n int) []error {
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { errs[i] = c.Do(context.Background(), i) })
	}
	group.Wait()
	return errs
}

func TestIdleItemsGoAtOnceAndAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := groupcommit.New(config(s))
		for i := range 3 {
			start := time.Now()
			require.NoError(t, c.Do(t.Context(), i))
			require.Equal(t, time.Second, time.Since(start), "no wait but the call")
		}
		require.Equal(t, [][]int{{0}, {1}, {2}}, s.batches)
	})
}

func TestItemsGatherWhileACallIsInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := groupcommit.New(config(s))
		go func() { _ = c.Do(t.Context(), 99) }()
		synctest.Wait()
		for _, err := range doConcurrently(c, 25) {
			require.NoError(t, err)
		}
		require.Equal(t, []int{1, 10, 10, 5}, s.lengths())
	})
}

func TestFullBatchesGoSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.MaxCalls = 3
		c := groupcommit.New(cfg)
		start := time.Now()
		doConcurrently(c, 100)
		require.Equal(t, 3, s.peak)
		require.LessOrEqual(t, time.Since(start), 5*time.Second, "ten calls of a second, three at a time, and one for a rest")
	})
}

func TestEachItemGetsItsOwnResult(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{fail: func(item int) error {
			if item%3 == 0 {
				return fmt.Errorf("item %d", item)
			}
			return nil
		}}
		c := groupcommit.New(config(s))
		for i, err := range doConcurrently(c, 30) {
			if i%3 == 0 {
				require.EqualError(t, err, fmt.Sprintf("item %d", i))
			} else {
				require.NoError(t, err)
			}
		}
	})
}

func TestBatchesKeepTheByteLimitAndTheOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.Size, cfg.MaxBytes = func(item int) int { return item }, 100
		c := groupcommit.New(cfg)
		c.DoAll(t.Context(), []int{60, 40, 1, 100, 99, 2, 150, 3})
		require.Equal(t, [][]int{{60, 40}, {1}, {100}, {99}, {2}, {150}, {3}}, s.batches)
	})
}

func TestLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.Linger = 100 * time.Millisecond
		c := groupcommit.New(cfg)
		start := time.Now()
		require.NoError(t, c.Do(t.Context(), 1))
		require.Equal(t, 1100*time.Millisecond, time.Since(start))
		start = time.Now()
		doConcurrently(c, 10)
		require.Equal(t, time.Second, time.Since(start), "a full batch does not wait")
	})
}

func TestACallerMayGiveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := groupcommit.New(config(s))
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		inFlight, waiting := make(chan error, 1), make(chan error, 1)
		go func() { inFlight <- c.Do(ctx, 1) }()
		synctest.Wait()
		go func() { waiting <- c.Do(ctx, 2) }()
		go func() { _ = c.Do(t.Context(), 3) }()
		err := <-inFlight
		require.ErrorIs(t, err, groupcommit.ErrAbandoned)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, <-waiting, groupcommit.ErrNotSent)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Equal(t, [][]int{{1}, {3}}, s.batches, "the others go on")
	})
}

func TestAPanicBelowIsAnError(t *testing.T) {
	t.Parallel()
	for name, commit := range map[string]func(context.Context, []int) []error{
		"panic":  func(context.Context, []int) []error { panic(errors.New("secret")) },
		"length": func(context.Context, []int) []error { return nil },
	} {
		c := groupcommit.New(groupcommit.Config[int]{Commit: commit, MaxItems: 10, MaxCalls: 1})
		for range 2 { // the committer goes on
			err := c.Do(t.Context(), 1)
			require.ErrorIs(t, err, groupcommit.ErrAbandoned, name)
			require.NotContains(t, err.Error(), "secret")
		}
	}
	require.Empty(t, groupcommit.New(config(&service{})).DoAll(t.Context(), nil))
}

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

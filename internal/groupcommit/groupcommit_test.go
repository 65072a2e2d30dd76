package groupcommit_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
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

// A caller with thousands of items does not hold up one with a single item.
func TestCallersTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := groupcommit.New(config(s))
		items := make([]int, 1000)
		var group sync.WaitGroup
		group.Go(func() { c.DoAll(t.Context(), items) })
		synctest.Wait()
		for range 3 {
			group.Go(func() {
				start := time.Now()
				require.NoError(t, c.Do(t.Context(), 1))
				require.LessOrEqual(t, time.Since(start), 2*time.Second, "the call in flight, and the next one")
			})
		}
		group.Wait()
		require.Len(t, s.lengths(), 101, "and the calls are full")
	})
}

// keyed makes a committer whose items have their hundreds as the key.
func keyed(s *service) *groupcommit.Committer[int] {
	c := config(s)
	c.MaxCalls = 8
	c.Key = func(item int) string { return fmt.Sprint("key ", item/100) }
	return groupcommit.New(c)
}

func TestItemsOfAKeyGoOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := keyed(s)
		var group sync.WaitGroup
		for key := range 10 {
			group.Go(func() { c.DoAll(t.Context(), []int{100 * key, 100*key + 1, 100*key + 2}) })
		}
		start := time.Now()
		group.Wait()
		require.LessOrEqual(t, time.Since(start), 4*time.Second, "keys do not wait for each other")
		require.LessOrEqual(t, len(s.batches), 4, "and share calls")
		next := map[int]int{}
		for _, batch := range s.batches {
			keys := map[int]bool{}
			for _, item := range batch {
				require.False(t, keys[item/100], "one item of a key in a call: %v", batch)
				keys[item/100] = true
				require.Equal(t, next[item/100], item%100, "in order")
				next[item/100]++
			}
		}
	})
}

func TestItemsBehindAFailedOneAreHeldBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("refused")
		s := &service{fail: func(item int) error {
			if item == 1 {
				return failure
			}
			return nil
		}}
		c := keyed(s)
		var other error
		var group sync.WaitGroup
		group.Go(func() {
			time.Sleep(time.Millisecond)
			other = c.Do(t.Context(), 7) // of another caller, who does not know of the failure
		})
		errs := c.DoAll(t.Context(), []int{0, 1, 2, 100, 3})
		group.Wait()
		require.NoError(t, errs[0])
		require.ErrorIs(t, errs[1], failure)
		require.ErrorIs(t, errs[2], groupcommit.ErrHeldBack)
		require.NoError(t, errs[3], "another key")
		require.ErrorIs(t, errs[4], groupcommit.ErrHeldBack)
		require.NoError(t, other)
		for _, batch := range s.batches {
			require.NotContains(t, batch, 2)
			require.NotContains(t, batch, 3)
		}
	})
}

func TestCallersOfAKeyThatGiveUpLetTheNextOneGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := keyed(s)
		var group sync.WaitGroup
		group.Go(func() { require.NoError(t, c.Do(t.Context(), 0)) })
		synctest.Wait()
		for range 3 { // behind the one in flight
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			group.Go(func() { require.ErrorIs(t, c.Do(ctx, 1), groupcommit.ErrNotSent) })
		}
		synctest.Wait()
		group.Go(func() { require.NoError(t, c.Do(t.Context(), 2)) })
		group.Wait()
		require.Equal(t, [][]int{{0}, {2}}, s.batches)
	})
}

// A call that ends its goroutine, as a fake that fails its test does, must not use up a place for calls.
func TestCallsThatEndTheirGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		c := groupcommit.New(groupcommit.Config[int]{MaxItems: 1, MaxCalls: 1, Commit: func(context.Context, []int) []error {
			if calls++; calls <= 10 {
				runtime.Goexit()
			}
			return []error{nil}
		}})
		for range 10 {
			require.ErrorIs(t, c.Do(t.Context(), 1), groupcommit.ErrAbandoned)
		}
		require.NoError(t, c.Do(t.Context(), 1))
	})
}

type valueKey struct{}

// A call for several callers has the values of none.
func TestSharedCallsHaveNoValuesOfACaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		values := map[int]any{} // by the number of items
		c := groupcommit.New(groupcommit.Config[int]{MaxItems: 10, MaxCalls: 1, Commit: func(ctx context.Context, items []int) []error {
			values[len(items)] = ctx.Value(valueKey{})
			time.Sleep(time.Second)
			return make([]error, len(items))
		}})
		with := func(value string) context.Context { return context.WithValue(t.Context(), valueKey{}, value) }
		var group sync.WaitGroup
		group.Go(func() { require.NoError(t, c.Do(with("own"), 1)) })
		synctest.Wait()
		for n := range 3 {
			group.Go(func() { require.NoError(t, c.Do(with(fmt.Sprint(n)), 1)) })
		}
		group.Wait()
		c.DoAll(with("all"), []int{1, 2})
		require.Equal(t, map[int]any{1: "own", 2: "all", 3: nil}, values)
	})
}

// Callers that give up take a time that does not depend on how many others wait.
func BenchmarkLeave(b *testing.B) {
	for _, n := range []int{1_000, 32_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				giveUpTogether(b, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/caller")
		})
	}
}

func giveUpTogether(b *testing.B, n int) {
	b.Helper()
	release := make(chan struct{})
	c := groupcommit.New(groupcommit.Config[int]{MaxItems: 10, MaxCalls: 1, Commit: func(_ context.Context, items []int) []error {
		<-release
		return make([]error, len(items))
	}})
	ctx, cancel := context.WithCancel(b.Context())
	var group sync.WaitGroup
	for range n {
		group.Go(func() { _ = c.Do(ctx, 1) })
	}
	time.Sleep(10 * time.Millisecond)
	cancel()
	group.Wait()
	close(release)
}

package groupcommit_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// number is an item without a group.
type number int

func (n number) Size() int   { return int(n) }
func (number) Group() string { return "" }

// service takes a second for each call and remembers the batches.
type service struct {
	mu        sync.Mutex
	batches   [][]number
	now, peak int
	fail      func(item number) error
}

func (s *service) commit(_ context.Context, items []number, done func(err error, items ...int)) {
	s.mu.Lock()
	s.batches = append(s.batches, items)
	s.now++
	s.peak = max(s.peak, s.now)
	s.mu.Unlock()
	time.Sleep(time.Second)
	s.mu.Lock()
	s.now--
	s.mu.Unlock()
	for i, item := range items {
		var err error
		if s.fail != nil {
			err = s.fail(item)
		}
		done(err, i)
	}
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

func (s *service) total() int {
	total := 0
	for _, n := range s.lengths() {
		total += n
	}
	return total
}

func config(s *service) groupcommit.Config[number] {
	return groupcommit.Config[number]{Commit: s.commit, MaxItems: 10, MaxCalls: 1}
}

func doConcurrently(c *groupcommit.Committer[number], n int) []error {
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { errs[i] = c.Do(context.Background(), number(i)) })
	}
	group.Wait()
	return errs
}

func doAll(ctx context.Context, c *groupcommit.Committer[number], items ...number) []error {
	sends := make([]groupcommit.Send[number], len(items))
	for i, item := range items {
		sends[i] = groupcommit.Send[number]{Through: c, Item: item}
	}
	return groupcommit.DoAll(ctx, sends)
}

func TestIdleItemsGoAtOnceAndAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := groupcommit.New(config(s))
		for i := range 3 {
			start := time.Now()
			require.NoError(t, c.Do(t.Context(), number(i)))
			require.Equal(t, time.Second, time.Since(start), "no wait but the call")
		}
		require.Equal(t, [][]number{{0}, {1}, {2}}, s.batches)
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
		s := &service{fail: func(item number) error {
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
		cfg.MaxBytes = 100
		c := groupcommit.New(cfg)
		doAll(t.Context(), c, 60, 40, 1, 100, 99, 2, 150, 3)
		require.Equal(t, [][]number{{60, 40}, {1}, {100}, {99}, {2}, {150}, {3}}, s.batches)
	})
}

func TestLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.Linger = func(time.Duration) time.Duration { return 100 * time.Millisecond }
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
		require.Equal(t, [][]number{{1}, {3}}, s.batches, "the others go on")
	})
}

func TestABrokenCallIsAnErrorOfItsItems(t *testing.T) {
	t.Parallel()
	type report = func(error, ...int)
	for name, commit := range map[string]func(context.Context, []number, report){
		"panic":     func(context.Context, []number, report) { panic(errors.New("secret")) },
		"no result": func(context.Context, []number, report) {},
		"goexit":    func(context.Context, []number, report) { runtime.Goexit() },
	} {
		c := groupcommit.New(groupcommit.Config[number]{Commit: commit, MaxItems: 10, MaxCalls: 2})
		for range 20 { // the committer goes on
			err := c.Do(t.Context(), 1)
			require.ErrorIs(t, err, groupcommit.ErrAbandoned, name)
			require.ErrorContains(t, err, name[:2], name)
			require.NotContains(t, err.Error(), "secret")
		}
	}
	require.Empty(t, groupcommit.DoAll[number](t.Context(), nil))
}

func TestDoAllKeepsTheOrderOfResults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		odd, even := &service{fail: func(item number) error { return map[number]error{3: errors.ErrUnsupported}[item] }}, &service{}
		committers := []*groupcommit.Committer[number]{groupcommit.New(config(even)), groupcommit.New(config(odd))}
		sends := make([]groupcommit.Send[number], 6)
		for i := range 5 {
			sends[i] = groupcommit.Send[number]{Through: committers[i%2], Item: number(i)}
		}
		start := time.Now()
		require.Equal(t, []error{nil, nil, nil, errors.ErrUnsupported, nil, nil}, groupcommit.DoAll(t.Context(), sends))
		require.Equal(t, time.Second, time.Since(start), "side by side")
		require.Equal(t, [][]number{{0, 2, 4}}, even.batches, "the last has no committer")
		require.Equal(t, [][]number{{1, 3}}, odd.batches)
	})
}

// A caller that brings thousands of items gives way to others after each batch.
func TestCallersTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := groupcommit.New(config(s))
		go doAll(t.Context(), c, make([]number, 2_000)...)
		go doAll(t.Context(), c, make([]number, 2_000)...)
		synctest.Wait()
		for range 3 {
			start := time.Now()
			require.NoError(t, c.Do(t.Context(), 1))
			require.LessOrEqual(t, time.Since(start), 3*time.Second, "the call in flight, perhaps one of the others, its own")
		}
		for n := range 5 {
			require.NoError(t, c.Do(t.Context(), number(n)))
		}
		time.Sleep(10 * time.Minute)
		require.Equal(t, 4_008, s.total())
		require.LessOrEqual(t, len(s.lengths()), 402, "also batches that are shared are full")
	})
}

// A large item is not passed for ever by smaller ones that still have room in a batch.
func TestLargeItemsKeepTheirTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.MaxBytes = 100
		c := groupcommit.New(cfg)
		go func() { _ = c.Do(t.Context(), 60) }()
		synctest.Wait()
		go doAll(t.Context(), c, slices.Repeat([]number{60}, 50)...)
		synctest.Wait()
		start := time.Now()
		require.NoError(t, c.Do(t.Context(), 99))
		require.Equal(t, 3*time.Second, time.Since(start), "behind the call in flight and one batch")
		time.Sleep(time.Minute)
	})
}

// 60,000 callers whose ctx ends at once leave one after another, each in constant time:
// it took 9 s when each looked through those that were left.
func TestManyCallersMayGiveUpAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := groupcommit.New(config(s))
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		errs := make([]error, 20_000)
		for i := range errs {
			group.Go(func() { errs[i] = c.Do(ctx, 1) })
		}
		synctest.Wait()
		cancel()
		group.Wait()
		sent := 0
		for _, err := range errs {
			if errors.Is(err, groupcommit.ErrAbandoned) {
				sent++
			} else {
				require.ErrorIs(t, err, groupcommit.ErrNotSent)
			}
		}
		require.LessOrEqual(t, sent, 10)
		require.NoError(t, c.Do(t.Context(), 2), "the line is in order")
		require.LessOrEqual(t, len(s.lengths()), 2)
	})
}

// A context that has ended sends nothing, however often it is tried.
func TestAnEndedContextSendsNothing(t *testing.T) {
	t.Parallel()
	s := &service{}
	c := groupcommit.New(config(s))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.ErrUnsupported)
	for range 2_000 {
		err := c.Do(ctx, 1)
		require.ErrorIs(t, err, groupcommit.ErrNotSent)
		require.ErrorIs(t, err, errors.ErrUnsupported)
	}
	require.Empty(t, s.lengths())
}

// A result that is there when ctx ends wins, for each item.
func TestAResultThatIsThereWins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := groupcommit.New(groupcommit.Config[number]{
			Commit: func(_ context.Context, items []number, done func(error, ...int)) {
				done(nil, 0)
				done(errors.ErrUnsupported, 1)
				done(nil, 1) // the first result counts
				time.Sleep(time.Hour)
			},
			MaxItems: 3, MaxCalls: 1,
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		errs := doAll(ctx, c, 0, 1, 2, 3)
		require.NoError(t, errs[0])
		require.Equal(t, errors.ErrUnsupported, errs[1])
		require.ErrorIs(t, errs[2], groupcommit.ErrAbandoned)
		require.ErrorIs(t, errs[3], groupcommit.ErrNotSent)
		time.Sleep(2 * time.Hour)
	})
}

// A caller has its result when its own item is done, not when the call is.
func TestResultsDoNotWaitForTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := config(&service{})
		cfg.Linger = func(time.Duration) time.Duration { return time.Second }
		cfg.Commit = func(_ context.Context, items []number, done func(error, ...int)) {
			for i, item := range items {
				time.Sleep(time.Duration(item) * time.Second)
				done(nil, i)
			}
		}
		c := groupcommit.New(cfg)
		start := time.Now()
		quick := make(chan time.Duration, 1)
		go func() {
			_ = c.Do(t.Context(), 1)
			quick <- time.Since(start)
		}()
		synctest.Wait()
		require.NoError(t, c.Do(t.Context(), 100))
		require.Equal(t, 102*time.Second, time.Since(start))
		require.Equal(t, 2*time.Second, <-quick, "the linger and its own second, in the same call")
	})
}

type valueKey struct{}

// A call for several callers has the values of none.
func TestSharedCallsHaveNoValuesOfACaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		values := map[int]any{} // by the number of items
		c := groupcommit.New(groupcommit.Config[number]{
			Commit: func(ctx context.Context, items []number, done func(error, ...int)) {
				mu.Lock()
				values[len(items)] = ctx.Value(valueKey{})
				mu.Unlock()
				time.Sleep(time.Second)
				for i := range items {
					done(ctx.Err(), i)
				}
			},
			MaxItems: 10, MaxCalls: 1,
		})
		with := func(value string) context.Context { return context.WithValue(t.Context(), valueKey{}, value) }
		var group sync.WaitGroup
		group.Go(func() { require.NoError(t, c.Do(with("own"), 1)) })
		synctest.Wait()
		for n := range 3 {
			group.Go(func() { require.NoError(t, c.Do(with(fmt.Sprint(n)), 1)) })
		}
		group.Wait()
		doAll(with("all"), c, 1, 2)
		require.Equal(t, map[int]any{1: "own", 2: "all", 3: nil}, values)
	})
}

// Callers that give up take a time that does not depend on how many others wait: 60,000
// took 9 s when each looked through those that were left.
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
	c := groupcommit.New(groupcommit.Config[number]{
		Commit:   func(context.Context, []number, func(error, ...int)) { <-release },
		MaxItems: 10, MaxCalls: 1,
	})
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

// slowError is the cause of a context, the user's error, whose text takes until the
// channel is closed.
type slowError chan struct{}

func (c slowError) Error() string {
	<-c
	return "slow"
}

// A cause whose methods hang holds its own caller, and no other.
func TestACauseThatHangsHoldsItsCallerOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := groupcommit.New(groupcommit.Config[number]{
			Commit: func(_ context.Context, items []number, done func(error, ...int)) {
				for i := range items {
					done(nil, i)
				}
			},
			MaxItems: 10, MaxCalls: 1,
		})
		cause := make(slowError)
		ended, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		failed := make(chan error, 1)
		go func() { failed <- c.Do(ended, number(1)) }()
		synctest.Wait()
		require.Empty(t, failed)
		require.NoError(t, c.Do(t.Context(), number(2)), "the lock is free")
		close(cause)
		require.ErrorIs(t, <-failed, groupcommit.ErrNotSent)
	})
}

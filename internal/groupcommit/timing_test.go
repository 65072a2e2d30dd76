package groupcommit_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
)

// steps dispatches items at intervals from others' goroutines, and waits for all of them.
func steps(c *groupcommit.Committer[number], n int, interval time.Duration) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { _ = c.Do(context.Background(), number(i)) })
		time.Sleep(interval)
	}
	group.Wait()
}

func TestSmallBatchesDoNotGoSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.MaxCalls = 8
		c := groupcommit.New(cfg)
		steps(c, 34, 90*time.Millisecond)
		require.Equal(t, []int{1, 10, 10, 10, 3}, s.lengths(), "what is not full waits for the call in flight")
		require.Equal(t, 2, s.peak)
	})
}

func TestBusyCallersFillTheirBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.MaxCalls = 8
		c := groupcommit.New(cfg)
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				for i := range 20 {
					_ = c.Do(context.Background(), number(i))
				}
			})
		}
		group.Wait()
		require.LessOrEqual(t, len(s.lengths()), 205, "2,000 items in tens, and a few more where goroutines are late")
	})
}

func TestPatienceWithACallThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.MaxCalls, cfg.Patience = 2, 50*time.Millisecond
		c := groupcommit.New(cfg)
		go func() { _ = c.Do(context.Background(), 1) }()
		time.Sleep(time.Millisecond)
		start := time.Now()
		doConcurrently(c, 3)
		require.Equal(t, 1050*time.Millisecond, time.Since(start))
		require.Equal(t, []int{1, 3}, s.lengths())
		go func() { _ = c.Do(context.Background(), 1) }()
		time.Sleep(975 * time.Millisecond)
		start = time.Now()
		doConcurrently(c, 2)
		require.Equal(t, 1025*time.Millisecond, time.Since(start), "the call in flight ended before")
	})
}

func TestPatienceKeepsToMaxCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.Patience = 50 * time.Millisecond
		c := groupcommit.New(cfg)
		steps(c, 12, 400*time.Millisecond)
		require.Equal(t, 1, s.peak)
	})
}

// always makes items wait for d.
func always(d time.Duration) func(time.Duration) time.Duration {
	return func(time.Duration) time.Duration { return d }
}

// half makes items wait half as long as the last call took, most at most.
func half(most time.Duration) func(time.Duration) time.Duration {
	return func(last time.Duration) time.Duration { return min(most, last/2) }
}

// A call that took long is waited for, a quick one is not.
func TestLingerByTheLastCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.Linger = half(time.Minute)
		c := groupcommit.New(cfg)
		for _, want := range []time.Duration{time.Second, 1500 * time.Millisecond} {
			start := time.Now()
			require.NoError(t, c.Do(t.Context(), 1))
			require.Equal(t, want, time.Since(start))
			time.Sleep(time.Hour)
		}
		start := time.Now()
		doConcurrently(c, 10)
		require.Equal(t, time.Second, time.Since(start), "a full batch does not wait")

		cfg.Linger = half(100 * time.Millisecond)
		c = groupcommit.New(cfg)
		require.NoError(t, c.Do(t.Context(), 1))
		start = time.Now()
		require.NoError(t, c.Do(t.Context(), 1))
		require.Equal(t, 1100*time.Millisecond, time.Since(start), "Linger is the most of it")
	})
}

// An item that came during a call lingers from its end, since those that the call served
// are likely to add again.
func TestLingerFromTheEndOfACall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.Linger = always(100 * time.Millisecond)
		c := groupcommit.New(cfg)
		go func() { _ = c.Do(t.Context(), 1) }()
		time.Sleep(600 * time.Millisecond)
		start := time.Now()
		require.NoError(t, c.Do(t.Context(), 2))
		require.Equal(t, 1600*time.Millisecond, time.Since(start), "500 ms of the first call, 100 ms, and its own")
	})
}

// What a full batch leaves behind waits no longer than Patience, though it lingered when
// no call was in flight.
func TestPatienceAfterLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.MaxCalls, cfg.Patience = 2, 50*time.Millisecond
		cfg.Linger = always(time.Minute)
		c := groupcommit.New(cfg)
		go func() { _ = c.Do(t.Context(), 0) }()
		synctest.Wait()
		start := time.Now()
		doConcurrently(c, 10)
		require.Equal(t, 1050*time.Millisecond, time.Since(start))
		require.Equal(t, []int{10, 1}, s.lengths())
	})
}

// An item that lingers alone still goes when the one that came before it was given up.
func TestLingerAfterACancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.Linger = always(100 * time.Millisecond)
		c := groupcommit.New(cfg)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		go func() { _ = c.Do(ctx, 1) }()
		time.Sleep(40 * time.Millisecond)
		start := time.Now()
		require.NoError(t, c.Do(t.Context(), 2))
		require.Equal(t, 1100*time.Millisecond, time.Since(start))
		require.Equal(t, [][]number{{2}}, s.batches)

		ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, c.Do(ctx, 3), groupcommit.ErrNotSent)
		time.Sleep(time.Second)
		require.Len(t, s.batches, 1, "nothing is left to send")
	})
}

// Ten workers that each wait for their own item, and are quicker than the service, find
// together: no part of them is always in the call that another part waits for.
func TestLingerMergesThoseWhoTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		cfg := config(s)
		cfg.Linger = half(time.Minute)
		c := groupcommit.New(cfg)
		var group sync.WaitGroup
		for worker := range 10 {
			group.Go(func() {
				for i := range 20 {
					time.Sleep(time.Duration(worker*10) * time.Millisecond)
					_ = c.Do(context.Background(), number(i))
				}
			})
		}
		group.Wait()
		require.LessOrEqual(t, len(s.lengths()), 23)
	})
}

// large is an item that is a pointer, so that a test sees when it is free.
type large struct{ block *[1 << 10]byte }

func (large) Size() int     { return 1 << 10 }
func (large) Group() string { return "" }

// What has been sent is not kept.
func TestItemsAreForgotten(t *testing.T) {
	t.Parallel()
	freed := make(chan struct{})
	c := groupcommit.New(groupcommit.Config[large]{
		Commit: func(_ context.Context, items []large, done func(error, ...int)) {
			for i := range items {
				done(nil, i)
			}
		},
		MaxItems: 10, MaxCalls: 1,
	})
	func() {
		sends := make([]groupcommit.Send[large], 100)
		for i := range sends {
			sends[i] = groupcommit.Send[large]{Through: c, Item: large{new([1 << 10]byte)}}
		}
		onFree(sends[99].Item.block, freed)
		groupcommit.DoAll(t.Context(), sends)
	}()
	requireFreed(t, freed)
	require.NoError(t, c.Do(t.Context(), large{new([1 << 10]byte)}))
}

// A caller that gave up in line leaves nothing behind either, while a call hangs.
func TestItemsOfACallerThatGaveUpAreForgotten(t *testing.T) {
	t.Parallel()
	freed, began, hang, first := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan error)
	c := groupcommit.New(groupcommit.Config[large]{
		Commit: func(_ context.Context, _ []large, done func(error, ...int)) {
			close(began)
			<-hang
			done(nil, 0)
		},
		MaxItems: 1, MaxCalls: 1, MaxWait: time.Hour,
	})
	go func() { first <- c.Do(context.Background(), large{new([1 << 10]byte)}) }()
	<-began
	func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		item := large{new([1 << 10]byte)}
		onFree(item.block, freed)
		require.Error(t, c.Do(ctx, item))
	}()
	requireFreed(t, freed)
	close(hang)
	require.NoError(t, <-first)
}

func onFree(item *[1 << 10]byte, freed chan struct{}) {
	runtime.AddCleanup(item, func(freed chan struct{}) { close(freed) }, freed)
}

// requireFreed collects garbage until the cleanup has run.
func requireFreed(t *testing.T, freed chan struct{}) {
	t.Helper()
	require.Eventually(t, func() bool {
		runtime.GC()
		select {
		case <-freed:
			return true
		default:
			return false
		}
	}, time.Minute, time.Millisecond)
}

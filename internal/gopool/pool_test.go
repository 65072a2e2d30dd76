package gopool_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/gopool"
)

// All tests end with no goroutine left in their bubble, or they fail.

func idle(p *gopool.Pool) int {
	synctest.Wait()
	return p.Idle()
}

func TestPoolKeepsGoroutinesForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pool gopool.Pool
		pool.Keep()
		var ran atomic.Int64
		for range 3 {
			pool.Go(func() {
				time.Sleep(time.Second)
				ran.Add(1)
			})
		}
		require.Zero(t, idle(&pool))
		time.Sleep(time.Second)
		require.Equal(t, 3, idle(&pool), "they wait for more")
		pool.Go(func() {
			require.Equal(t, 2, pool.Idle(), "one of them runs it")
			ran.Add(1)
		})
		require.Equal(t, 3, idle(&pool))
		require.EqualValues(t, 4, ran.Load())
		time.Sleep(2 * time.Second)
		require.Zero(t, idle(&pool), "not for long")
		pool.Go(func() { ran.Add(1) })
		require.Equal(t, 1, idle(&pool))
		require.EqualValues(t, 5, ran.Load())
		time.Sleep(time.Hour)
	})
}

func TestPoolKeepsThoseThatAreBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pool gopool.Pool
		pool.Keep()
		defer pool.Close()
		release := make(chan struct{})
		for range 5 {
			pool.Go(func() { <-release })
		}
		close(release)
		require.Equal(t, 5, idle(&pool))
		for range 100 {
			pool.Go(func() {})
			time.Sleep(time.Second / 10)
		}
		require.Equal(t, 1, idle(&pool), "one does all, the others are not needed")
	})
}

func TestPoolOutlivesFunctionsThatEndTheirGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pool gopool.Pool
		pool.Keep()
		defer pool.Close()
		ran := 0
		for range 3 {
			pool.Go(runtime.Goexit)
			synctest.Wait()
			pool.Go(func() { ran++ })
			synctest.Wait()
		}
		require.Equal(t, 3, ran)
	})
}

func TestPoolKeepsNoneBeforeItIsToldAndOnceClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pool gopool.Pool
		pool.Go(func() {})
		require.Zero(t, idle(&pool))
		pool.Keep()
		release := make(chan struct{})
		pool.Go(func() { <-release })
		pool.Go(func() {})
		require.Equal(t, 1, idle(&pool))
		pool.Close()
		require.Zero(t, idle(&pool), "the one that waited has ended")
		close(release)
		require.Zero(t, idle(&pool), "and the other when it was done")
		ran := false
		pool.Go(func() { ran = true })
		require.Zero(t, idle(&pool))
		require.True(t, ran, "Go goes on to work")
		pool.Close()
	})
}

func TestPoolRunsAllThatComeAtOnce(t *testing.T) {
	t.Parallel()
	var pool gopool.Pool
	pool.Keep()
	var ran atomic.Int64
	const all = 10_000
	var callers, running sync.WaitGroup
	running.Add(all)
	for range 10 {
		callers.Go(func() {
			for range all / 10 {
				pool.Go(func() {
					ran.Add(1)
					running.Done()
				})
			}
		})
	}
	callers.Wait()
	running.Wait()
	pool.Close()
	require.EqualValues(t, all, ran.Load())
}

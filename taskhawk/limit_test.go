package taskhawk_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// limitedTest is a worker test whose task has a limit of one, and takes ten minutes.
func limitedTest(t *testing.T, memory taskhawktest.MemoryConfig, options ...taskhawk.TaskOption) *workerTest {
	t.Helper()
	tenMinutes := func(ctx context.Context, _ int) error {
		select {
		case <-time.After(10 * time.Minute):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	w := newWorkerTest(t, tenMinutes, append(options, taskhawk.WithMaxConcurrency(1))...)
	w.memory = taskhawktest.NewMemory(memory)
	w.hub = newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{w.number}})
	return w
}

// publish dispatches n messages, numbered from first, by a hub beside the task's own.
func (w *workerTest) publish(first, n int, options ...taskhawk.DispatchOption) {
	w.Helper()
	ctx := taskhawk.ContextWithHub(w.Context(), newHub(w.T, taskhawk.Config{Publisher: w.memory}))
	for i := range n {
		_, err := w.number.Dispatch(ctx, numberArgs{N: first + i}, options...)
		require.NoError(w, err)
	}
}

func (w *workerTest) stop() {
	w.Helper()
	w.cancel()
	require.NoError(w, <-w.done)
}

func TestLimitedMessagesWaitUnderTheirLeases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := limitedTest(t, taskhawktest.MemoryConfig{})
		w.publish(0, 5)
		worker := w.start(w.memory.Queues(), taskhawk.WorkerConfig{Concurrency: 4})
		pass(time.Minute)
		stats := worker.Stats()
		require.Equal(t, []int{1, 4, 0}, []int{stats.Running, stats.Limited, stats.Waiting})
		pass(time.Hour)
		require.ElementsMatch(t, []int{0, 1, 2, 3, 4}, w.runs())
		stats = worker.Stats()
		require.Equal(t, []int64{5, 5, 0, 0, 0},
			[]int64{stats.Received, stats.Succeeded, stats.Deferred, stats.LostLeases, stats.Duplicates})
		require.Zero(t, stats.Limited)
		w.requireEmpty()
		w.stop()
	})
}

func TestLimitedMessagesAtTheirLastAttemptAreKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		memory  taskhawktest.MemoryConfig
		options []taskhawk.TaskOption
	}{
		"of the queue": {memory: taskhawktest.MemoryConfig{MaxReceiveCount: 1}},
		"of the task":  {options: []taskhawk.TaskOption{taskhawk.WithMaxAttempts(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := limitedTest(t, c.memory, c.options...)
				w.publish(0, 60)
				worker := w.start(w.memory.Queues(), taskhawk.WorkerConfig{Concurrency: 4, MaxLimited: 3})
				most := 0
				for range 20 {
					pass(time.Minute)
					stats := worker.Stats()
					most = max(most, stats.Limited)
					require.LessOrEqual(t, stats.Waiting, 4, "the queue is not received from")
				}
				require.Equal(t, 3, most)
				pass(10 * time.Hour)
				require.Len(t, w.runs(), 60)
				for _, priority := range taskhawk.Priorities() {
					require.Empty(t, w.memory.DeadLetters(priority))
				}
				require.Zero(t, worker.Stats().Deferred)
				w.requireEmpty()
				w.stop()
			})
		})
	}
}

// visibilityQueue notes the visibility timeouts that are set, but those of leases.
type visibilityQueue struct {
	taskhawk.Queue
	mu      sync.Mutex
	delays  map[string][]time.Duration // by message
	offline bool
}

func (q *visibilityQueue) set(offline bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.offline = offline
}

func (q *visibilityQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	q.mu.Lock()
	offline := q.offline
	q.mu.Unlock()
	if offline {
		return nil, errAway
	}
	return q.Queue.Receive(ctx, limit, wait)
}

func (q *visibilityQueue) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	q.mu.Lock()
	offline := q.offline
	if timeout != taskhawktest.Visibility {
		q.delays[d.MessageID] = append(q.delays[d.MessageID], timeout)
	}
	q.mu.Unlock()
	if offline {
		return errAway
	}
	return q.Queue.SetVisibility(ctx, d, timeout)
}

func TestLimitedMessagesAreGivenBackWithAGrowingDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := limitedTest(t, taskhawktest.MemoryConfig{})
		q := &visibilityQueue{Queue: w.memory.Queues(taskhawk.Default)[0], delays: map[string][]time.Duration{}}
		w.publish(0, 6)
		worker := w.startOn(q, taskhawk.WorkerConfig{Concurrency: 4, MaxLimited: 1})
		pass(9 * time.Minute)
		require.Len(t, q.delays, 4, "one runs, one waits")
		total := 0
		for _, delays := range q.delays {
			require.True(t, slices.IsSorted(delays), "%v", delays)
			require.LessOrEqual(t, delays[0], 5*time.Second)
			require.GreaterOrEqual(t, delays[0], 2*time.Second)
			total += len(delays)
		}
		require.Greater(t, total, 4)
		require.EqualValues(t, total, worker.Stats().Deferred)
		pass(3 * time.Hour)
		require.Len(t, w.runs(), 6)
		require.Empty(t, w.memory.DeadLetters(taskhawk.Default))
		w.requireEmpty()
		w.stop()
	})
}

func TestStopGivesBackLimitedMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := limitedTest(t, taskhawktest.MemoryConfig{})
		w.publish(0, 20)
		worker := w.start(w.memory.Queues(), taskhawk.WorkerConfig{
			Concurrency: 4, AbortPolls: true, GracePeriod: 5 * time.Second,
		})
		pass(time.Minute)
		require.Equal(t, 19, worker.Stats().Limited)
		start := time.Now()
		w.stop()
		require.Equal(t, 5*time.Second, time.Since(start))
		time.Sleep(time.Second) // for polls that live on
		w.requireNoneInFlight()
		require.Zero(t, worker.Stats().Limited)
		require.EqualValues(t, 19, worker.Stats().Released)
		require.EqualValues(t, 20, worker.Stats().Received, "none came a second time")
	})
}

// A message whose lease ends while it waits comes again. The old place must be free for
// it, or its deliveries would use up its attempts without a run.
func TestLimitedMessagesWhoseLeaseIsLostMakeRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stubborn := func(context.Context, int) error { time.Sleep(150 * time.Second); return nil }
		w := newWorkerTest(t, stubborn, taskhawk.WithMaxConcurrency(1))
		q := &visibilityQueue{Queue: w.memory.Queues(taskhawk.Default)[0], delays: map[string][]time.Duration{}}
		for n := range 8 {
			w.dispatch(n)
		}
		worker := w.startOn(q, taskhawk.WorkerConfig{Concurrency: 4})
		pass(time.Minute)
		require.Equal(t, 7, worker.Stats().Limited)
		q.set(true)
		pass(time.Minute)
		require.Zero(t, worker.Stats().Limited)
		require.Equal(t, 1, worker.Stats().Running)
		q.set(false)
		pass(3 * time.Hour)
		require.Len(t, w.runs(), 8)
		require.EqualValues(t, 8, worker.Stats().LostLeases)
		require.Empty(t, w.memory.DeadLetters(taskhawk.Default))
		w.requireEmpty()
		w.stop()
	})
}

// A message may have its permit, and lose its lease before it has a slot.
func TestPermitOfAMessageThatIsLostIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, succeed, taskhawk.WithMaxConcurrency(1))
		hog := taskhawk.New("tests.hog", func(context.Context, numberArgs) error { time.Sleep(100 * time.Second); return nil })
		w.hub = newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{w.number, hog}})
		q := &visibilityQueue{Queue: w.memory.Queues(taskhawk.Default)[0], delays: map[string][]time.Duration{}}
		ctx := taskhawk.ContextWithHub(t.Context(), newHub(t, taskhawk.Config{Publisher: w.memory}))
		_, err := hog.DispatchAll(ctx, make([]numberArgs, 2))
		require.NoError(t, err)
		worker := w.startOn(q, taskhawk.WorkerConfig{Concurrency: 2})
		pass(time.Second)
		w.publish(0, 1)
		pass(20 * time.Second)
		require.Equal(t, []int{2, 1, 0}, []int{worker.Stats().Running, worker.Stats().Waiting, worker.Stats().Limited})
		q.set(true)
		pass(time.Minute)
		q.set(false)
		pass(time.Hour)
		require.EqualValues(t, 3, worker.Stats().LostLeases)
		require.Equal(t, []int{0}, w.runs())
		w.requireEmpty()
		w.stop()
	})
}

// lastQueue delivers every message for the last time.
type lastQueue struct{ taskhawk.Queue }

func (q lastQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	deliveries, err := q.Queue.Receive(ctx, limit, wait)
	for _, d := range deliveries {
		d.Attempt = d.MaxAttempts
	}
	return deliveries, err
}

func TestLastAttemptsHaveAPlaceBesideTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := limitedTest(t, taskhawktest.MemoryConfig{})
		queues := w.memory.Queues(taskhawk.Default, taskhawk.Low)
		queues[1] = lastQueue{queues[1]}
		w.publish(0, 6)
		worker := w.start(queues, taskhawk.WorkerConfig{Concurrency: 4, MaxLimited: 3})
		pass(time.Second)
		require.Equal(t, 3, worker.Stats().Limited)
		w.publish(0, 3, taskhawk.WithPriority(taskhawk.Low))
		pass(time.Second)
		require.Equal(t, []int{6, 0}, []int{worker.Stats().Limited, worker.Stats().Waiting})
		pass(2 * time.Hour)
		require.Len(t, w.runs(), 9)
		w.requireEmpty()
		w.stop()
	})
}

func TestLimitIsGivenBackHoweverAHandlerEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, func(_ context.Context, n int) error {
			switch n {
			case 0:
				runtime.Goexit()
			case 1:
				panic("boom")
			case 2:
				return errTest
			}
			return nil
		}, taskhawk.WithMaxConcurrency(1))
		worker := w.start(w.memory.Queues(), taskhawk.WorkerConfig{})
		for n := range 6 {
			w.dispatch(n)
		}
		pass(time.Second)
		require.ElementsMatch(t, []int{0, 1, 2, 3, 4, 5}, w.runs())
		require.Zero(t, worker.Stats().Limited)
		w.stop()
	})
}

func TestUrgentMessagesOfALimitedTaskGoFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := limitedTest(t, taskhawktest.MemoryConfig{})
		w.publish(0, 3, taskhawk.WithPriority(taskhawk.Low))
		w.start(w.memory.Queues(), taskhawk.WorkerConfig{Concurrency: 4, StrictPriority: true})
		pass(time.Minute)
		w.publish(100, 1, taskhawk.WithPriority(taskhawk.High))
		pass(10 * time.Minute)
		require.Len(t, w.runs(), 2)
		require.Equal(t, 100, w.runs()[1], "before the others of low")
		w.cancel()
		<-w.done
	})
}

// A limit that the worker cannot reach costs nothing: its messages wait for a slot.
func TestALimitOfTheWorkersConcurrencyIsNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := limitedTest(t, taskhawktest.MemoryConfig{})
		w.publish(0, 4)
		worker := w.start(w.memory.Queues(taskhawk.Default), taskhawk.WorkerConfig{Concurrency: 1})
		pass(time.Minute)
		stats := worker.Stats()
		require.Equal(t, []int{1, 0, 1}, []int{stats.Running, stats.Limited, stats.Waiting})
		pass(time.Hour)
		w.requireEmpty()
		w.stop()
	})
}

// A group that is larger than the room for waiting messages waits alone.
func TestALargeGroupWaitsWhereTheRoomIsEmpty(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorkerTest(t, sleeping(time.Minute), taskhawk.WithMaxConcurrency(1)), newAnsweringQueue(true)
		worker := q.begin(w, taskhawk.WorkerConfig{Concurrency: 4, MaxLimited: 2})
		q.batches <- q.group("g", "a")
		pass(time.Second)
		q.batches <- q.group("h", "b", "c", "d")
		pass(time.Second)
		require.Equal(t, 3, worker.Stats().Limited)
		q.batches <- q.group("i", "e")
		pass(time.Second)
		require.Equal(t, []string{"e"}, receipts(drain(q.changed)), "the room is full")
		pass(5 * time.Minute)
		require.Equal(t, []string{"a", "b", "c", "d"}, drain(q.deleted))
		require.Zero(t, worker.Stats().Limited)
		w.stop()
	})
}

// receipts returns the receipts of visibility changes.
func receipts(changes []string) []string {
	all := make([]string, len(changes))
	for i, change := range changes {
		all[i], _, _ = strings.Cut(change, " ")
	}
	return all
}

// delays returns the delays of visibility changes, the shortest first.
func delays(t *testing.T, changes []string) []time.Duration {
	t.Helper()
	all := make([]time.Duration, len(changes))
	for i, change := range changes {
		_, delay, _ := strings.Cut(change, " ")
		var err error
		all[i], err = time.ParseDuration(delay)
		require.NoError(t, err)
	}
	slices.Sort(all)
	return all
}

// A message that is given back comes again when the messages in the room, and those
// given back before it, have run: here the task starts one each half minute. After the
// room was empty, messages given back earlier no longer count.
func TestLimitedMessagesComeBackWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	for room, first := range map[int]time.Duration{1: time.Minute, 2: 90 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w, q := newWorkerTest(t, sleeping(time.Minute), taskhawk.WithMaxConcurrency(2)), newAnsweringQueue(false)
			q.begin(w, taskhawk.WorkerConfig{Concurrency: 10, MaxLimited: room})
			q.answers <- 2
			pass(time.Minute) // now it is known how long they take
			for range 2 {
				q.answers <- 8
				synctest.Wait()
				back := delays(t, drain(q.changed))
				require.Len(t, back, 6-room)
				for n, delay := range back {
					require.Equal(t, first+time.Duration(n)*30*time.Second, delay)
				}
				pass(2 * time.Minute) // two after two, and the room is empty
			}
			w.stop()
		})
	}
}

// The longest delay is an hour. Longer ones become a random part of that.
func TestLimitedMessagesComeBackWithinAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorkerTest(t, sleeping(20*time.Minute), taskhawk.WithMaxConcurrency(1)), newAnsweringQueue(false)
		q.begin(w, taskhawk.WorkerConfig{Concurrency: 10, MaxLimited: 2})
		q.answers <- 1
		pass(20 * time.Minute)
		q.answers <- 4
		synctest.Wait()
		require.Equal(t, []time.Duration{time.Hour}, delays(t, drain(q.changed)), "behind three of 20 minutes")
		q.answers <- 3
		synctest.Wait()
		later := delays(t, drain(q.changed))
		require.Len(t, later, 3)
		for _, delay := range later {
			require.Less(t, delay, time.Hour)
			require.GreaterOrEqual(t, delay, 30*time.Minute)
		}
		pass(time.Hour)
		w.stop()
	})
}

package taskhawk_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// impatientQueue answers every poll at once while hurried is set, as a proxy or an emulator does that does not wait.
type impatientQueue struct {
	taskhawk.Queue
	hurried  atomic.Bool
	receives atomic.Int64
}

func (q *impatientQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	q.receives.Add(1)
	if q.hurried.Load() {
		wait = 0
	}
	return q.Queue.Receive(ctx, limit, wait)
}

func TestWorkerPausesBetweenPollsThatDoNotWait(t *testing.T) {
	t.Parallel()
	runBroken(t, func(w *workerTest, broken *brokenQueue, log *bytes.Buffer) {
		q := &impatientQueue{Queue: broken}
		q.hurried.Store(true)
		worker := w.startOn(q, taskhawk.WorkerConfig{})
		pass(time.Hour)
		require.LessOrEqual(w, q.receives.Load(), int64(240), "about as many as when polls wait 20 s")
		require.GreaterOrEqual(w, q.receives.Load(), int64(180), "the pause is no longer than the wait")
		require.Contains(w, log.String(), "receive came back empty before its wait was over")
		require.Zero(w, worker.Health()[0].Failures, "the queue answers")
		require.WithinDuration(w, time.Now(), worker.Health()[0].LastPoll, taskhawktest.Wait)

		q.hurried.Store(false)
		pass(taskhawktest.Wait)
		start := q.receives.Load()
		w.dispatchThrough(w.hub, 1)
		pass(time.Millisecond)
		require.Equal(w, []int{1}, w.runs(), "polls wait again, and bring what comes at once")
		pass(10 * time.Minute)
		require.LessOrEqual(w, q.receives.Load()-start, int64(31))
	})
}

func TestWorkerIsNotSlowedByPollsThatDoNotWaitWhereMessagesAre(t *testing.T) {
	t.Parallel()
	runBroken(t, func(w *workerTest, broken *brokenQueue, _ *bytes.Buffer) {
		q := &impatientQueue{Queue: broken}
		q.hurried.Store(true)
		for n := range 500 {
			w.dispatchThrough(w.hub, n)
		}
		w.startOn(q, taskhawk.WorkerConfig{})
		pass(time.Millisecond)
		require.Len(w, w.runs(), 500)
	})
}

// hastyQueue fails polls that take longer than limit, as an HTTP client with such a timeout does.
type hastyQueue struct {
	taskhawk.Queue
	limit    time.Duration
	receives atomic.Int64
	failed   atomic.Int64
}

func (q *hastyQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	q.receives.Add(1)
	ctx, cancel := context.WithTimeout(ctx, q.limit)
	defer cancel()
	deliveries, err := q.Queue.Receive(ctx, limit, wait.Truncate(time.Second))
	if err != nil {
		q.failed.Add(1)
	}
	return deliveries, err
}

func TestWorkerPollsShorterThanTheTimeoutOfTheClient(t *testing.T) {
	t.Parallel()
	for limit, receives := range map[time.Duration]int64{
		2 * time.Second: 3600, 11 * time.Second: 720, time.Second: 4500, 30 * time.Second: 180,
	} {
		t.Run(limit.String(), func(t *testing.T) {
			t.Parallel()
			runBroken(t, func(w *workerTest, broken *brokenQueue, log *bytes.Buffer) {
				q := &hastyQueue{Queue: broken, limit: limit}
				worker := w.startOn(q, taskhawk.WorkerConfig{})
				pass(time.Hour - time.Minute)
				require.LessOrEqual(w, q.receives.Load(), receives, "in an hour")
				if limit > taskhawktest.Wait {
					require.Zero(w, q.failed.Load())
					return
				}
				require.EqualValues(w, 1, q.failed.Load(), "the first one")
				require.Contains(w, log.String(), "raise the timeout of the HTTP client above WaitTime")
				require.Zero(w, worker.Health()[0].Failures)
				w.dispatchThrough(w.hub, 1)
				pass(time.Second)
				require.Equal(w, []int{1}, w.runs())
				pass(time.Hour)
				require.EqualValues(w, 2, q.failed.Load(), "an hour later the full wait is tried again")
			})
		})
	}
}

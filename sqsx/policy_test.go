package sqsx_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// allowReceives sets the maxReceiveCount of the queues.
func (r *env) allowReceives(count int) {
	r.Helper()
	for _, priority := range taskhawk.Priorities() {
		url, err := r.client.GetQueueUrl(r.Context(), &sqs.GetQueueUrlInput{QueueName: name(priority)})
		require.NoError(r, err)
		_, err = r.client.SetQueueAttributes(r.Context(), &sqs.SetQueueAttributesInput{
			QueueUrl: url.QueueUrl,
			Attributes: map[string]string{"RedrivePolicy": fmt.Sprintf(
				`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:%s:%s","maxReceiveCount":"%d"}`,
				"000000000000", sqsx.DeadLetterQueueName(*name(priority)), count,
			)},
		})
		require.NoError(r, err)
	}
}

// letters are the dead letters of the default queue.
func (r *env) letters() []string {
	r.Helper()
	var reasons []string
	for _, m := range r.messages(sqsx.DeadLetterQueueName(*name(taskhawk.Default))) {
		reasons = append(reasons, m.Attributes["taskhawk_reason"])
	}
	return reasons
}

func TestMaxAttemptsBelowThoseOfTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		r := newEnv(t, func(context.Context, int) error { runs++; return errTest }, taskhawk.WithMaxAttempts(3))
		r.allowReceives(10)
		r.start(defaultQueue())
		r.dispatch(1)
		time.Sleep(time.Hour)
		r.stop()
		require.Equal(t, 3, runs)
		require.Equal(t, []string{"no attempt is left: attempt 3 of 3 failed: test error"}, r.letters())
		r.requireEmpty()
	})
}

func TestMaxAttemptsAboveThoseOfTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		r := newEnv(t, func(context.Context, int) error { runs++; return errTest }, taskhawk.WithMaxAttempts(6))
		var log bytes.Buffer
		hub, err := taskhawk.NewHub(taskhawk.Config{
			Tasks: []taskhawk.AnyTask{r.number}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		require.NoError(t, err)
		worker, err := sqsx.NewWorker(r.client, app, hub, sqsx.WorkerConfig{
			Priorities: []taskhawk.Priority{taskhawk.Default},
		})
		require.NoError(t, err)
		r.run(worker)
		_, err = r.number.Dispatch(taskhawk.ContextWithHub(t.Context(), r.hub), numberArgs{N: 1})
		require.NoError(t, err)
		time.Sleep(time.Hour)
		r.stop()
		require.Equal(t, 5, runs)
		require.Equal(t, []string{"no attempt is left: attempt 5 of 5 failed: test error"}, r.letters(), "with a reason here too")
		require.Equal(t, 1, strings.Count(log.String(), "max attempts of tasks exceed maxReceiveCount"))
		require.Contains(t, log.String(), "max_receive_count=5 tasks=[tests.number]")
		require.EqualValues(t, 1, worker.Stats().Dead)
	})
}

// limitedEnv has a task A with a limit of two, and a task B without one, on one worker.
type limitedEnv struct {
	*env
	a, b    *taskhawk.Task[numberArgs]
	worker  *sqsx.Worker
	running atomic.Int64
	most    atomic.Int64 // of A at once
	doneA   atomic.Int64
	doneB   atomic.Int64
}

func newLimitedEnv(t *testing.T, takes time.Duration, config sqsx.WorkerConfig) *limitedEnv {
	t.Helper()
	l := &limitedEnv{env: newEnv(t, succeed)}
	l.a = taskhawk.New("tests.a", func(context.Context, numberArgs) error {
		now := l.running.Add(1)
		defer l.running.Add(-1)
		for most := l.most.Load(); now > most && !l.most.CompareAndSwap(most, now); most = l.most.Load() {
		}
		time.Sleep(takes)
		l.doneA.Add(1)
		return nil
	}, taskhawk.WithMaxConcurrency(2))
	l.b = taskhawk.New("tests.b", func(context.Context, numberArgs) error { l.doneB.Add(1); return nil })
	publisher, err := sqsx.NewPublisher(l.client, app, sqsx.PublisherConfig{})
	require.NoError(t, err)
	l.hub, err = taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{l.a, l.b}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	l.worker, err = sqsx.NewWorker(l.client, app, l.hub, config)
	require.NoError(t, err)
	return l
}

func TestLimitedTasksLetOthersPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimitedEnv(t, 10*time.Second, sqsx.WorkerConfig{
			Concurrency: 10, MaxLimited: 100, VisibilityTimeout: 2 * time.Minute, // fewer heartbeats: a quicker test
		})
		_, err := l.a.DispatchAll(t.Context(), make([]numberArgs, 1000))
		require.NoError(t, err)
		_, err = l.b.DispatchAll(t.Context(), make([]numberArgs, 10))
		require.NoError(t, err)
		l.run(l.worker)
		time.Sleep(30 * time.Second)
		require.EqualValues(t, 10, l.doneB.Load(), "B does not wait for A")
		stats := l.worker.Stats()
		require.LessOrEqual(t, stats.Limited, 100)
		require.Greater(t, stats.Limited, 90)
		require.LessOrEqual(t, stats.Waiting, 10)
		require.GreaterOrEqual(t, stats.Deferred, int64(900))

		time.Sleep(time.Hour)
		require.EqualValues(t, 2, l.most.Load(), "never three of A at once, and two always")
		require.InDelta(t, time.Hour/(5*time.Second), l.doneA.Load(), 20, "A runs as much as it may")
		require.Empty(t, l.letters())
		time.Sleep(time.Hour)
		l.stop()
		require.EqualValues(t, 1000, l.doneA.Load())
		require.Empty(t, l.letters())
		l.requireEmpty()
		stats = l.worker.Stats()
		require.EqualValues(t, 1010, stats.Started)
		require.Less(t, stats.Received, int64(4*1000), "each comes again when there is room for it")
		require.Zero(t, stats.LostLeases+stats.Duplicates)
		for _, receives := range l.server.Ledger().Keys(sqstest.Received) {
			require.LessOrEqual(t, receives, 4, "none was near its end")
		}
		t.Logf("%d receives of 1,010 tasks, %d deferred", stats.Received, stats.Deferred)
	})
}

// A message that waits for its task blocks its group, and no other.
func TestLimitedTasksKeepTheOrderOfTheirGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newFIFOEnv(t, taskhawk.WithMaxConcurrency(1))
		free := taskhawk.New("tests.free", r.handle)
		publisher, err := sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{Naming: fifoName})
		require.NoError(t, err)
		hub, err := taskhawk.NewHub(taskhawk.Config{
			Publisher: publisher, Tasks: []taskhawk.AnyTask{r.task, free}, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		r.worker, err = sqsx.NewWorker(r.client, app, hub, sqsx.WorkerConfig{Naming: fifoName, MaxLimited: 20})
		require.NoError(t, err)
		ctx := taskhawk.ContextWithHub(t.Context(), hub)
		const groups, each = 20, 10
		want := map[string][]int{}
		for n := range each {
			for g := range groups {
				task, group := r.task, fmt.Sprint("limited", g)
				if g%2 == 1 {
					task, group = free, fmt.Sprint("free", g)
				}
				_, err := task.Dispatch(ctx, orderArgs{group, n}, taskhawk.WithGroup(group),
					taskhawk.WithDeduplicationID(fmt.Sprint(group, n)))
				require.NoError(t, err)
				want[group] = append(want[group], n)
			}
		}
		r.work(10 * time.Second)
		for g := 1; g < groups; g += 2 {
			require.Equal(t, want[fmt.Sprint("free", g)], r.done[fmt.Sprint("free", g)], "not held up")
		}
		r.worker, err = sqsx.NewWorker(r.client, app, hub, sqsx.WorkerConfig{Naming: fifoName, MaxLimited: 20})
		require.NoError(t, err)
		r.work(time.Hour)
		require.Equal(t, want, r.done)
		require.Empty(t, r.server.Queue(sqsx.DeadLetterQueueName(fifoName(app, taskhawk.Default))).Messages)
	})
}

func TestPauseForAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int64
		r := newEnv(t, func(context.Context, int) error {
			time.Sleep(65 * time.Minute) // longer than the pause
			done.Add(1)
			return nil
		})
		worker, err := sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{
			Concurrency: 4, VisibilityTimeout: 5 * time.Minute, // fewer heartbeats: a quicker test
		})
		require.NoError(t, err)
		r.run(worker)
		for n := range 12 {
			r.dispatch(n, taskhawk.WithPriority(taskhawk.Priorities()[n%4]))
		}
		time.Sleep(10 * time.Second)
		worker.Pause()
		time.Sleep(sqsx.MaxWaitTime)
		stats, requests := worker.Stats(), r.server.Requests("ReceiveMessage")
		require.Equal(t, 4, stats.Running)
		time.Sleep(time.Hour)
		require.Equal(t, requests, r.server.Requests("ReceiveMessage"))
		require.Equal(t, stats.Received, worker.Stats().Received)
		require.Equal(t, 4, worker.Stats().Running, "none was ended")
		worker.Resume()
		time.Sleep(3 * time.Hour)
		r.stop()
		require.EqualValues(t, 12, done.Load())
		require.EqualValues(t, 12, worker.Stats().Received, "each came once")
		require.Zero(t, worker.Stats().LostLeases)
		require.Empty(t, r.letters())
		r.requireEmpty()
	})
}

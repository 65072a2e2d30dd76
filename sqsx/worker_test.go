package sqsx_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestWorkerRunsTasksOfAllPriorities(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		got := map[int]taskhawk.Metadata{}
		r := newRig(t, func(ctx context.Context, n int) error {
			mu.Lock()
			defer mu.Unlock()
			got[n] = taskhawk.MetadataFrom(ctx)
			return nil
		})
		r.start(sqsx.WorkerConfig{})
		for n, priority := range taskhawk.Priorities() {
			r.dispatch(n, taskhawk.WithPriority(priority), taskhawk.WithHeaders(taskhawk.Headers{"k": "v"}))
		}
		synctest.Wait()
		for n, priority := range taskhawk.Priorities() {
			meta := got[n]
			require.Equal(t, "tests.number", meta.Task)
			require.Equal(t, priority, meta.Priority)
			require.Equal(t, sqsx.QueueName(app, priority), meta.Queue)
			require.Equal(t, 1, meta.Attempt)
			require.Equal(t, taskhawk.Headers{"k": "v"}, meta.Headers)
			require.NotEmpty(t, meta.Receipt)
		}
		r.stop()
		r.requireEmpty()
		require.Equal(t, 4, r.server.Requests("DeleteMessageBatch"))
	})
}

func TestWorkerStopsAndRestartsWithoutLoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const tasks, stops = 1000, 10
		var mu sync.Mutex
		runs := map[int]int{}
		r := newRig(t, func(_ context.Context, n int) error {
			time.Sleep(100 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			runs[n]++
			return nil
		})
		for n := range tasks {
			r.dispatch(n, taskhawk.WithPriority(taskhawk.Priorities()[n%4]))
		}
		config := sqsx.WorkerConfig{Concurrency: 8}
		for range stops {
			r.start(config)
			time.Sleep(777 * time.Millisecond)
			r.stop()
			r.requireNoneInFlight()
		}
		r.start(config)
		time.Sleep(time.Minute)
		r.stop()
		require.Len(t, runs, tasks, "every task ran")
		for n, times := range runs {
			require.Equal(t, 1, times, "runs of task %d", n)
		}
		r.requireEmpty()
	})
}

func TestWorkerRetriesAndThenRedriveBuries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var attempts []int
		r := newRig(t, func(ctx context.Context, _ int) error {
			attempts = append(attempts, taskhawk.MetadataFrom(ctx).Attempt)
			return errTest
		})
		r.start(sqsx.WorkerConfig{})
		r.dispatch(1)
		time.Sleep(2 * time.Hour)
		r.stop()
		require.Equal(t, []int{1, 2, 3, 4, 5}, attempts)
		require.Len(t, r.messages(sqsx.DeadLetterQueueName(*name(taskhawk.Default))), 1)
		r.requireEmpty()
	})
}

func TestWorkerRoundsDelaysUpToSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var times []time.Time
		r := newRig(t, func(context.Context, int) error {
			if times = append(times, time.Now()); len(times) == 1 {
				return taskhawk.RetryAfter(1500*time.Millisecond, errTest)
			}
			return nil
		})
		r.start(sqsx.WorkerConfig{})
		r.dispatch(1)
		time.Sleep(time.Minute)
		r.stop()
		require.Len(t, times, 2)
		require.Equal(t, 2*time.Second, times[1].Sub(times[0]))
	})
}

func TestWorkerBuriesPermanentFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(context.Context, int) error { return taskhawk.Permanent(errTest) })
		headers := taskhawk.Headers{}
		for _, key := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
			headers[key] = "v"
		}
		r.dispatch(1, taskhawk.WithHeaders(headers))
		r.start(sqsx.WorkerConfig{})
		synctest.Wait()
		r.stop()
		r.requireEmpty()
		letters := r.messages(sqsx.DeadLetterQueueName(*name(taskhawk.Default)))
		require.Len(t, letters, 1)
		require.Len(t, letters[0].Attributes, 10)
		for attribute, want := range map[string]string{
			"taskhawk_task": "tests.number", "taskhawk_reason": "test error", "taskhawk_attempt": "1", "a": "v",
		} {
			require.Equal(t, want, letters[0].Attributes[attribute], attribute)
		}
	})
}

func TestWorkerKeepsWhatTheDeadLetterQueueRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(context.Context, int) error { return taskhawk.Permanent(errTest) })
		letters := sqsx.DeadLetterQueueName(*name(taskhawk.Default))
		url, err := r.client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &letters})
		require.NoError(t, err)
		_, err = r.client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: url.QueueUrl})
		require.NoError(t, err)
		time.Sleep(2 * time.Minute)
		r.dispatch(1)
		r.start(sqsx.WorkerConfig{})
		time.Sleep(time.Second)
		r.stop()
		require.Len(t, r.messages(*name(taskhawk.Default)), 1)
	})
}

func TestWorkerReportsAMissingQueueAtStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{idle}})
		require.NoError(t, err)
		worker, err := sqsx.NewWorker(server.Client(), app, hub, sqsx.WorkerConfig{})
		require.NoError(t, err)
		var missing *types.QueueDoesNotExist
		require.ErrorAs(t, worker.Run(t.Context()), &missing)
	})
}

func TestNewWorkerRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	client := sqstest.NewUnstartedServer().Client()
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{idle}})
	require.NoError(t, err)
	for want, config := range map[string]sqsx.WorkerConfig{
		"WaitTime":             {WaitTime: 21 * time.Second},
		"VisibilityTimeout":    {VisibilityTimeout: 13 * time.Hour},
		"twice":                {Priorities: []taskhawk.Priority{taskhawk.High, taskhawk.Low, taskhawk.High}},
		"unknown priority":     {Priorities: []taskhawk.Priority{9}},
		"negative Concurrency": {Concurrency: -1},
		"Linger":               {Linger: 2 * time.Second},
		"Linger -1ns":          {Linger: -1},
		"quarter":              {VisibilityTimeout: time.Second, Linger: 300 * time.Millisecond},
	} {
		_, err := sqsx.NewWorker(client, app, hub, config)
		require.ErrorContains(t, err, want)
	}
	_, err = sqsx.NewWorker(client, app, nil, sqsx.WorkerConfig{})
	require.ErrorContains(t, err, "nil API or hub")
	_, err = sqsx.NewWorker(client, app, &taskhawk.Hub{}, sqsx.WorkerConfig{})
	require.ErrorContains(t, err, "the hub has no tasks")
	_, err = sqsx.NewWorker(client, "", hub, sqsx.WorkerConfig{})
	require.ErrorContains(t, err, "no name")
}

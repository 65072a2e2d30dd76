package sqsx_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
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
		r := newEnv(t, func(ctx context.Context, n int) error {
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

// A Naming may put several priorities on one queue. The worker receives from it once, with
// the most urgent of them, and holds a message that is delivered twice once.
func TestWorkerOnAQueueForSeveralPriorities(t *testing.T) {
	t.Parallel()
	shared := func(app string, priority taskhawk.Priority) string {
		if priority == taskhawk.Bulk {
			return sqsx.QueueName(app, taskhawk.Bulk)
		}
		return sqsx.QueueName(app, taskhawk.Default)
	}
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		r := newEnv(t, func(context.Context, int) error {
			runs.Add(1)
			time.Sleep(5 * time.Second)
			return nil
		})
		r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Times: 1, Do: sqstest.Redeliver()})
		r.dispatch(0)
		worker, err := sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{Naming: shared})
		require.NoError(t, err)
		r.run(worker)
		time.Sleep(2 * time.Minute)
		require.EqualValues(t, 1, runs.Load())
		require.EqualValues(t, 1, worker.Stats().Duplicates)
		var queues []string
		for _, health := range worker.Health() {
			queues = append(queues, health.Priority.String()+" "+health.Queue)
		}
		require.Equal(t, []string{"high TASKHAWK-DEV-MYAPP", "bulk TASKHAWK-DEV-MYAPP-BULK"}, queues)
		r.stop()
		r.requireEmpty()
	})
}

func TestWorkerStopsAndRestartsWithoutLoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const tasks, stops = 1000, 20
		var mu sync.Mutex
		runs := map[int]int{}
		r := newEnv(t, func(_ context.Context, n int) error {
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
		r := newEnv(t, func(ctx context.Context, _ int) error {
			attempts = append(attempts, taskhawk.MetadataFrom(ctx).Attempt)
			return errTest
		})
		r.start(defaultQueue())
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
		r := newEnv(t, func(context.Context, int) error {
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
		r := newEnv(t, func(context.Context, int) error { return taskhawk.Permanent(errTest) })
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
		r := newEnv(t, func(context.Context, int) error { return taskhawk.Permanent(errTest) })
		r.deleteQueue(sqsx.DeadLetterQueueName(*name(taskhawk.Default)))
		r.dispatch(1)
		r.start(sqsx.WorkerConfig{})
		time.Sleep(time.Second)
		r.stop()
		require.Len(t, r.messages(*name(taskhawk.Default)), 1)
	})
}

func TestWorkerSaysAtItsStartWhetherAMissingQueueIsATypo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		r.deleteQueue(*name(taskhawk.Bulk))
		for name, want := range map[string]string{
			app: "queue TASKHAWK-DEV-MYAPP-BULK does not exist in this account and region: create it, for example with " +
				`sqsx.Provision; other queues of "dev-myapp" exist: ` +
				"TASKHAWK-DEV-MYAPP-HIGH-PRIORITY, TASKHAWK-DEV-MYAPP, TASKHAWK-DEV-MYAPP-LOW-PRIORITY",
			"dev-myap": "queue TASKHAWK-DEV-MYAP-BULK does not exist in this account and region: create it, for example with " +
				`sqsx.Provision; none of the queues of "dev-myap" is found: check the application's name, account and region`,
		} {
			config := sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Bulk}}
			worker, err := sqsx.NewWorker(r.client, name, r.hub, config)
			require.NoError(t, err)
			for range 2 { // a worker that has not started may run again
				err = worker.Run(t.Context())
				require.EqualError(t, err, "sqsx: run worker: "+want)
				_, missing := errors.AsType[*types.QueueDoesNotExist](err)
				require.True(t, missing)
			}
		}
		require.Zero(t, r.server.Requests("ListQueues"))
	})
}

func TestWorkerRunsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int64
		r := newEnv(t, func(context.Context, int) error { ran.Add(1); return nil })
		worker, err := sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{})
		require.NoError(t, err)
		r.run(worker)
		synctest.Wait()
		requests := r.server.TotalRequests()
		require.ErrorIs(t, worker.Run(t.Context()), taskhawk.ErrWorkerStarted)
		require.Equal(t, requests, r.server.TotalRequests())
		for n := range 100 {
			r.dispatch(n)
		}
		time.Sleep(time.Second)
		require.EqualValues(t, 100, ran.Load(), "the first Run is not hurt")
		r.requireEmpty()
		r.stop()
		require.ErrorIs(t, worker.Run(t.Context()), taskhawk.ErrWorkerStarted, "also after its end")
	})
}

func TestWorkerWarnsAtTheLastAttemptWhereItMayReadTheRedrivePolicy(t *testing.T) {
	t.Parallel()
	for _, denied := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newEnv(t, func(context.Context, int) error { return taskhawk.Retry(errTest) })
			if denied {
				r.server.Inject(sqstest.Fault{On: sqstest.OpGetQueueAttributes, Do: sqstest.Error("AccessDenied", "no")})
			}
			var log bytes.Buffer
			hub, err := taskhawk.NewHub(taskhawk.Config{
				Tasks: []taskhawk.AnyTask{r.number}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			require.NoError(t, err)
			worker, err := sqsx.NewWorker(r.client, app, hub, defaultQueue())
			require.NoError(t, err)
			r.run(worker)
			_, err = r.number.Dispatch(taskhawk.ContextWithHub(t.Context(), r.hub), numberArgs{N: 1})
			require.NoError(t, err)
			time.Sleep(time.Hour)
			r.stop()
			require.Len(t, r.messages(sqsx.DeadLetterQueueName(*name(taskhawk.Default))), 1)
			want := 1
			if denied {
				want = 0
			}
			require.Equal(t, want, strings.Count(log.String(), "task failed at its last attempt; becomes a dead letter"))
			require.EqualValues(t, want, worker.Stats().Dead)
			require.EqualValues(t, 5-want, worker.Stats().Retried)
		})
	}
}

func TestWorkerWorksForAnotherAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		accounts := map[string]int{}
		worker, err := sqsx.NewWorker(countingAPI{r.client, accounts}, app, r.hub, sqsx.WorkerConfig{
			Account: "111122223333", Priorities: []taskhawk.Priority{taskhawk.High},
		})
		require.NoError(t, err)
		r.run(worker)
		r.dispatch(1, taskhawk.WithPriority(taskhawk.High))
		time.Sleep(time.Second)
		r.stop()
		r.requireEmpty()
		require.Equal(t, map[string]int{"111122223333": 1}, accounts)
		_, err = sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{Account: "my-account"})
		require.ErrorContains(t, err, "not a number of 12 digits")
	})
}

// countingAPI counts the look-ups by the account that they name.
type countingAPI struct {
	sqsx.API
	accounts map[string]int
}

func (a countingAPI) GetQueueUrl(
	ctx context.Context, in *sqs.GetQueueUrlInput, options ...func(*sqs.Options),
) (*sqs.GetQueueUrlOutput, error) {
	a.accounts[aws.ToString(in.QueueOwnerAWSAccountId)]++
	return a.API.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: in.QueueName}, options...)
}

func TestNewWorkerRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	client := sqstest.NewUnstartedServer().Client()
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{idle}})
	require.NoError(t, err)
	for want, config := range map[string]sqsx.WorkerConfig{
		"WaitTime":             {WaitTime: 21 * time.Second},
		"VisibilityTimeout":    {VisibilityTimeout: 13 * time.Hour},
		"duplicate priority":   {Priorities: []taskhawk.Priority{taskhawk.High, taskhawk.Low, taskhawk.High}},
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

func TestWorkerServesProbes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		worker, err := sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{AbortPolls: true})
		require.NoError(t, err)
		probe := func(path string) (int, string) {
			response := httptest.NewRecorder()
			worker.Probes(0).ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			return response.Code, response.Body.String()
		}
		code, text := probe("/probes/ready")
		require.Equal(t, http.StatusServiceUnavailable, code)
		require.Contains(t, text, "Run has not begun")
		code, _ = probe("/live")
		require.Equal(t, http.StatusOK, code)
		code, _ = probe("/other")
		require.Equal(t, http.StatusNotFound, code)
		r.run(worker)
		time.Sleep(time.Minute)
		code, _ = probe("/ready")
		require.Equal(t, http.StatusOK, code)
		r.stop()
		code, _ = probe("/live")
		require.Equal(t, http.StatusServiceUnavailable, code)
	})
}

package sqsx_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// roundTrip is how long SQS takes for a request, within a region.
const roundTrip = 10 * time.Millisecond

// load is an application with many tasks of 1 KB to do, on an SQS whose requests take a
// round trip.
type load struct {
	*env
	total int
	tasks sync.WaitGroup
	large *taskhawk.Task[largeArgs]
}

type largeArgs struct {
	N    int
	Text string
}

func newLoad(t *testing.T, total int, handler func()) *load {
	t.Helper()
	l := &load{env: newEnv(t, succeed), total: total}
	l.tasks.Add(total)
	l.large = taskhawk.New("tests.large", func(context.Context, largeArgs) error {
		handler()
		l.tasks.Done()
		return nil
	})
	publisher, err := sqsx.NewPublisher(l.client, app, sqsx.PublisherConfig{})
	require.NoError(t, err)
	l.hub, err = taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{l.large}})
	require.NoError(t, err)
	l.server.Inject(sqstest.Fault{Do: sqstest.Delay(roundTrip)})
	l.server.ResetCounts()
	return l
}

func (l *load) args(n int) largeArgs { return largeArgs{N: n, Text: strings.Repeat("x", 840)} }

// dispatch sends the tasks from so many goroutines.
func (l *load) dispatch(goroutines int, priority func(n int) taskhawk.Priority) {
	l.Helper()
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for n := g; n < l.total; n += goroutines {
				_, err := l.large.Dispatch(l.Context(), l.args(n), taskhawk.WithPriority(priority(n)))
				require.NoError(l, err)
			}
		})
	}
	group.Wait()
}

func (l *load) dispatchAll() {
	l.Helper()
	all := make([]largeArgs, l.total)
	for n := range all {
		all[n] = l.args(n)
	}
	_, err := l.large.DispatchAll(l.Context(), all)
	require.NoError(l, err)
}

// requireRequests runs all tasks and checks how many requests SQS bills for each task:
// to send, to receive and to delete.
func (l *load) requireRequests(most float64, config sqsx.WorkerConfig) {
	l.Helper()
	require.InDelta(l, 1024, len(l.messages(*name(taskhawk.Default))[0].Body), 5)
	l.start(config)
	l.tasks.Wait()
	l.stop()
	l.requireEmpty()
	per := func(requests int) float64 { return float64(requests) / float64(l.total) }
	l.Logf("%.4f requests a task: %.4f to send, %.4f to receive, %.4f to delete", per(l.server.TotalRequests()),
		per(l.server.Requests(sqstest.OpSendMessageBatch)), per(l.server.Requests(sqstest.OpReceiveMessage)),
		per(l.server.Requests(sqstest.OpDeleteMessageBatch)))
	require.LessOrEqual(l, per(l.server.TotalRequests()), most)
	const waiting, settling = taskhawk.DefaultPrefetch, 100
	for queue, peak := range l.server.Ledger().Audit().PeakInFlight {
		require.LessOrEqual(l, peak, max(config.Concurrency, taskhawk.DefaultConcurrency)+waiting+settling, queue)
	}
}

func quick() { time.Sleep(rand.N(2 * time.Millisecond)) }

func always(priority taskhawk.Priority) func(int) taskhawk.Priority {
	return func(int) taskhawk.Priority { return priority }
}

func TestRequestsOfTasksDispatchedOneByOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, 1_000, quick)
		l.dispatch(100, always(taskhawk.Default))
		l.requireRequests(0.35, sqsx.WorkerConfig{})
	})
}

func TestRequestsOfTasksDispatchedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, 1_000, quick)
		l.dispatchAll()
		l.requireRequests(0.35, sqsx.WorkerConfig{})
	})
}

func TestRequestsOfTasksOnFourQueues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, 2_000, quick) // fewer make the last, empty receives count
		l.dispatch(400, func(n int) taskhawk.Priority { return taskhawk.Priorities()[n%4] })
		l.requireRequests(0.35, sqsx.WorkerConfig{Concurrency: 40})
	})
}

func TestRequestsOfSlowTasksWithALinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, 600, func() { time.Sleep(100*time.Millisecond + rand.N(200*time.Millisecond)) })
		l.dispatchAll()
		l.requireRequests(0.35, sqsx.WorkerConfig{Concurrency: 20, Linger: 200 * time.Millisecond})
	})
}

// An idle dispatch takes one request, and only the time of that.
func TestRequestsOfAnIdleDispatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		r.dispatch(0) // looks the queue up
		r.server.ResetCounts()
		start := time.Now()
		r.dispatch(1)
		require.Zero(t, time.Since(start))
		require.Equal(t, 1, r.server.TotalRequests())
		r.server.Inject(sqstest.Fault{Do: sqstest.Delay(roundTrip)})
		for n := range 10 {
			start := time.Now()
			r.dispatch(n)
			require.Equal(t, roundTrip, time.Since(start))
		}
		require.Equal(t, 11, r.server.Requests(sqstest.OpSendMessageBatch))
		require.Equal(t, 11, r.server.TotalRequests())
	})
}

// A task that comes to an idle worker is run and deleted at once: nothing waits for a
// timer.
func TestRequestsOfASingleTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		r.start(sqsx.WorkerConfig{})
		synctest.Wait()
		r.server.ResetCounts()
		start := time.Now()
		r.dispatch(1)
		synctest.Wait()
		require.Zero(t, time.Since(start))
		r.requireEmpty()
		require.Equal(t, 1, r.server.Requests(sqstest.OpDeleteMessageBatch))
		r.stop()
	})
}

// Four queues in long polls of 20 s.
func TestRequestsOfAnIdleWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		r.start(sqsx.WorkerConfig{})
		synctest.Wait()
		r.server.ResetCounts()
		time.Sleep(time.Hour)
		require.LessOrEqual(t, r.server.TotalRequests(), 720)
		require.Equal(t, r.server.TotalRequests(), r.server.Requests(sqstest.OpReceiveMessage))
		r.stop()
	})
}

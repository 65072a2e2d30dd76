package sqsx_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// regionTrip is how long SQS takes for a receive or a delete within a region.
const regionTrip = 15 * time.Millisecond

// busyRow is a worker with a backlog, and the part of its throughput limit (Concurrency
// divided by the handler's time) that it must reach.
type busyRow struct {
	concurrency int
	takes       time.Duration
	queues      int // that have a backlog
	share       float64
	requests    float64 // a task, for receive and delete; 0 for any
}

// A worker with a backlog keeps its handlers busy, whatever its concurrency.
func TestWorkerKeepsItsHandlersBusy(t *testing.T) {
	t.Parallel()
	for _, row := range []busyRow{
		{concurrency: 10, takes: 5 * time.Millisecond, queues: 1, share: 0.92, requests: 0.35},
		{concurrency: 10, takes: 100 * time.Millisecond, queues: 1, share: 0.97},
		{concurrency: 100, takes: 100 * time.Millisecond, queues: 1, share: 0.97},
		{concurrency: 400, takes: 100 * time.Millisecond, queues: 1, share: 0.93},
		{concurrency: 1000, takes: 250 * time.Millisecond, queues: 1, share: 0.94},
		{concurrency: 100, takes: 100 * time.Millisecond, queues: 4, share: 0.95},
	} {
		t.Run(fmt.Sprintf("%d, %s, %d queues", row.concurrency, row.takes, row.queues), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { keepsBusy(t, row) })
		})
	}
}

func keepsBusy(t *testing.T, row busyRow) {
	t.Helper()
	var done atomic.Int64
	var started [4]atomic.Int64 // by priority
	r := newEnv(t, func(ctx context.Context, _ int) error {
		started[taskhawk.MetadataFrom(ctx).Priority].Add(1)
		time.Sleep(row.takes)
		done.Add(1)
		return nil
	})
	ideal := float64(row.concurrency) / row.takes.Seconds()
	warmUp, measured := 500*time.Millisecond, 500*time.Millisecond // whole runs of every row
	if row.concurrency >= 400 {
		warmUp, measured = max(2*row.takes, 300*time.Millisecond), max(row.takes, 200*time.Millisecond)
	}
	backlog := int(ideal*(warmUp+measured).Seconds()) + 2*row.concurrency
	for q := range row.queues {
		args := make([]numberArgs, backlog)
		_, err := r.number.WithPriority(taskhawk.Priorities()[q]).DispatchAll(t.Context(), args)
		require.NoError(t, err)
	}
	for _, operation := range []string{sqstest.OpReceiveMessage, sqstest.OpDeleteMessageBatch} {
		r.server.Inject(sqstest.Fault{On: operation, Do: sqstest.Delay(regionTrip)})
	}
	worker, err := sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{Concurrency: row.concurrency})
	require.NoError(t, err)
	r.run(worker)
	time.Sleep(warmUp)
	from, requests := done.Load(), r.server.TotalRequests()
	for q := range started {
		started[q].Store(0)
	}
	time.Sleep(measured)
	rate := float64(done.Load()-from) / measured.Seconds()
	perTask := float64(r.server.TotalRequests()-requests) / float64(done.Load()-from)
	var starts [4]int64
	for q := range started {
		starts[q] = started[q].Load()
	}
	r.cancel()
	<-r.done
	t.Logf("%.0f/s, %.1f %% of ideal, %.3f requests a task, started %v", rate, 100*rate/ideal, perTask, starts)
	require.GreaterOrEqual(t, rate/ideal, row.share)
	if row.queues == 4 {
		for priority, weight := range map[taskhawk.Priority]float64{taskhawk.High: 8, taskhawk.Default: 4, taskhawk.Low: 2, taskhawk.Bulk: 1} {
			require.InEpsilon(t, weight/15*ideal*measured.Seconds(), starts[priority], 0.05, priority)
		}
	}
	if row.requests > 0 {
		require.LessOrEqual(t, perTask, row.requests)
	}
}

// Two workers on one queue share slow tasks evenly, over SQS too. A worker leaves
// messages that it could only keep in line to the other, even if that one has just
// started.
func TestWorkersShareSlowTasks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const takes, tasks = 20 * time.Second, 20
		type workerKey struct{}
		var ran [2]atomic.Int64
		r := newEnv(t, func(ctx context.Context, _ int) error {
			n, _ := ctx.Value(workerKey{}).(int)
			ran[n].Add(1)
			time.Sleep(takes)
			return nil
		})
		for _, operation := range []string{sqstest.OpReceiveMessage, sqstest.OpDeleteMessageBatch} {
			r.server.Inject(sqstest.Fault{On: operation, Do: sqstest.Delay(regionTrip)})
		}
		ctx, stop := context.WithCancel(t.Context())
		var workers sync.WaitGroup
		defer workers.Wait()
		defer stop()
		start := func(n int) {
			worker, err := sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{})
			require.NoError(t, err)
			workers.Go(func() { _ = worker.Run(context.WithValue(ctx, workerKey{}, n)) })
		}
		dispatch := func() {
			_, err := r.number.DispatchAll(t.Context(), make([]numberArgs, tasks))
			require.NoError(t, err)
		}
		rounds := []func(){
			func() { dispatch(); start(0); time.Sleep(500 * time.Millisecond); start(1) },
			dispatch,
			func() {
				for range tasks {
					r.dispatch(0)
					time.Sleep(20 * time.Millisecond)
				}
			},
		}
		for n, round := range rounds {
			round()
			time.Sleep(takes - time.Second) // before any slot is free again
			for worker := range ran {
				require.EqualValues(t, tasks/2*(n+1), ran[worker].Load(), "round %d, worker %d", n, worker)
			}
			time.Sleep(takes)
		}
	})
}

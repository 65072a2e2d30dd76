package transport_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// heapLimit is what a task in flight may take beside its body, in bytes.
const heapLimit = 8 << 10

// What a task in flight takes beside its body: delivery, lease, timer and contexts, what
// the SDK made of its attributes, and what the server notes, which is in the same
// process.
//
//nolint:paralleltest // the memory of other tests would count
func TestMemoryOfATaskInFlight(t *testing.T) {
	t.Log("| in flight | heap, bytes a task | stack, bytes a task | goroutines a task |")
	t.Log("|---:|---:|---:|---:|")
	for _, tasks := range []int{100, 1_000, 10_000} {
		synctest.Test(t, func(t *testing.T) {
			const body = 1 << 10
			heap, stack, goroutines := hold(t, tasks, body)
			t.Logf("| %d | %d | %d | %.2f |", tasks, heap-body, stack, goroutines)
			require.LessOrEqual(t, heap-body, heapLimit)
			require.InDelta(t, 1, goroutines, 0.1, "its handler's, and no other")
		})
	}
}

// hold measures tasks whose handlers wait, each with a body of so many bytes.
func hold(t *testing.T, tasks, body int) (heap, stack int, goroutines float64) {
	t.Helper()
	server := sqstest.NewUnstartedServer()
	defer server.Close()
	server.LimitLedger(0)
	client, release := server.Client(), make(chan struct{})
	_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(sqsx.QueueName("bench", taskhawk.Default))})
	require.NoError(t, err)
	type args struct{ Text string }
	task := taskhawk.New("tests.bulky", func(context.Context, args) error {
		<-release
		return nil
	})
	publisher, err := sqsx.NewPublisher(client, "bench", sqsx.PublisherConfig{})
	require.NoError(t, err)
	hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}})
	require.NoError(t, err)
	all := make([]args, tasks)
	for i := range all {
		all[i].Text = strings.Repeat("x", body)
	}
	_, err = task.DispatchAll(t.Context(), all)
	require.NoError(t, err)
	worker, err := sqsx.NewWorker(client, "bench", hub, sqsx.WorkerConfig{
		Priorities: []taskhawk.Priority{taskhawk.Default}, Concurrency: tasks, VisibilityTimeout: 12 * time.Hour, AbortPolls: true,
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	before := inUse()
	go func() { ran <- worker.Run(ctx) }()
	time.Sleep(time.Minute)
	require.Equal(t, tasks, worker.Stats().Running)
	after := inUse()
	close(release)
	time.Sleep(time.Minute)
	stop()
	require.NoError(t, <-ran)
	require.EqualValues(t, tasks, worker.Stats().Succeeded)
	runtime.KeepAlive(all)
	per := func(n uint64) int { return int(int64(n) / int64(tasks)) }
	return per(after.heap - before.heap), per(after.stack - before.stack), float64(after.goroutines-before.goroutines) / float64(tasks)
}

type memory struct {
	heap, stack uint64
	goroutines  int
}

func inUse() memory {
	runtime.GC()
	runtime.GC() // what the first has found for finalizers and pools
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return memory{stats.HeapAlloc, stats.StackInuse, runtime.NumGoroutine()}
}

// Over 200,000 tasks neither heap nor goroutines grow.
//
//nolint:paralleltest // the memory of other tests would count
func TestMemoryStaysFlat(t *testing.T) {
	const step, steps = 20_000, 10
	rounds := steps
	if testing.Short() {
		rounds = 3
	}
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		server.LimitLedger(0)
		client := server.Client()
		_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(sqsx.QueueName("bench", taskhawk.Default))})
		require.NoError(t, err)
		type args struct{ N int }
		task := taskhawk.New("tests.small", func(context.Context, args) error { return nil })
		publisher, err := sqsx.NewPublisher(client, "bench", sqsx.PublisherConfig{})
		require.NoError(t, err)
		hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}})
		require.NoError(t, err)
		worker, err := sqsx.NewWorker(client, "bench", hub, sqsx.WorkerConfig{
			Priorities: []taskhawk.Priority{taskhawk.Default}, AbortPolls: true,
		})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- worker.Run(ctx) }()
		var first memory
		for round := range rounds {
			_, err := task.DispatchAll(t.Context(), make([]args, step))
			require.NoError(t, err)
			time.Sleep(time.Minute)
			require.EqualValues(t, (round+1)*step, worker.Stats().Succeeded)
			now := inUse()
			t.Logf("after %d tasks: heap %d KB, %d goroutines", (round+1)*step, now.heap>>10, now.goroutines)
			if round == 0 {
				first = now
			}
			require.LessOrEqual(t, now.heap, first.heap+1<<20)
			require.LessOrEqual(t, now.goroutines, first.goroutines+2)
		}
		stop()
		require.NoError(t, <-ran)
	})
}

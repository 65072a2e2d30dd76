package sqsx_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type orderArgs struct {
	Group string
	N     int
}

// fifoEnv is an application on FIFO queues, with one task that notes the order of its
// runs by group.
type fifoEnv struct {
	*testing.T
	server *sqstest.Server
	client *sqs.Client
	hub    *taskhawk.Hub
	task   *taskhawk.Task[orderArgs]
	worker *sqsx.Worker

	mu   sync.Mutex
	done map[string][]int
	fail map[string]int // how often an argument still fails
}

func newFIFOEnv(t *testing.T, options ...taskhawk.TaskOption) *fifoEnv {
	t.Helper()
	r := &fifoEnv{T: t, server: sqstest.NewUnstartedServer(), done: map[string][]int{}, fail: map[string]int{}}
	t.Cleanup(r.server.Close)
	client := r.server.Client()
	r.client = client
	require.NoError(t, sqsx.Provision(t.Context(), client, app, sqsx.ProvisionConfig{Naming: fifoName, MaxReceiveCount: 20}))
	publisher, err := sqsx.NewPublisher(client, app, sqsx.PublisherConfig{Naming: fifoName})
	require.NoError(t, err)
	r.task = taskhawk.New("tests.order", r.handle, options...)
	r.hub, err = taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{r.task}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	r.worker, err = sqsx.NewWorker(client, app, r.hub, sqsx.WorkerConfig{
		Naming: fifoName, Backoff: func(int) time.Duration { return 10 * time.Second },
	})
	require.NoError(t, err)
	return r
}

func (r *fifoEnv) handle(_ context.Context, args orderArgs) error {
	time.Sleep(50 * time.Millisecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	key := fmt.Sprint(args.Group, args.N)
	if r.fail[key] > 0 {
		r.fail[key]--
		return errTest
	}
	r.done[args.Group] = append(r.done[args.Group], args.N)
	return nil
}

func (r *fifoEnv) work(d time.Duration) {
	r.Helper()
	ctx, cancel := context.WithCancel(r.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- r.worker.Run(ctx) }()
	time.Sleep(d)
	cancel()
	require.NoError(r, <-stopped)
}

func TestFIFOKeepsTheOrderOfEachGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newFIFOEnv(t)
		want := map[string][]int{}
		for n := range 30 {
			for _, group := range []string{"a", "b", "c"} {
				_, err := r.task.Dispatch(t.Context(), orderArgs{Group: group, N: n}, taskhawk.WithGroup(group))
				require.NoError(t, err)
				want[group] = append(want[group], n)
			}
		}
		r.fail["a3"], r.fail["b0"], r.fail["b29"] = 3, 1, 2
		r.work(10 * time.Minute)
		require.Equal(t, want, r.done)
		require.Empty(t, r.server.Queue(fifoName(app, taskhawk.Default)).Messages)
	})
}

func TestFIFOBatchesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newFIFOEnv(t)
		var args []orderArgs
		var want []int
		for n := range 95 {
			args, want = append(args, orderArgs{Group: "g", N: n}), append(want, n)
		}
		_, err := r.task.DispatchAll(t.Context(), args, taskhawk.WithGroup("g"))
		require.NoError(t, err)
		r.work(10 * time.Minute)
		require.Equal(t, want, r.done["g"])
	})
}

func TestFIFOStoresARepeatedDispatchOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newFIFOEnv(t)
		group := taskhawk.WithGroup("g")
		for _, options := range [][]taskhawk.DispatchOption{
			{group}, {group}, // two dispatches are two tasks
			{group, taskhawk.WithID("1")}, {group, taskhawk.WithID("1")},
			{group, taskhawk.WithDeduplicationID("x")}, {group, taskhawk.WithDeduplicationID("x")},
		} {
			_, err := r.task.Dispatch(t.Context(), orderArgs{Group: "g"}, options...)
			require.NoError(t, err)
		}
		require.Len(t, r.server.Queue(fifoName(app, taskhawk.Default)).Messages, 4)
	})
}

func TestFIFODeadLettersLetTheGroupGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newFIFOEnv(t)
		r.fail["g1"] = 1000
		for n := range 4 {
			_, err := r.task.Dispatch(t.Context(), orderArgs{Group: "g", N: n}, taskhawk.WithGroup("g"))
			require.NoError(t, err)
		}
		r.work(2 * time.Hour)
		require.Equal(t, []int{0, 2, 3}, r.done["g"])
		letters := r.server.Queue(sqsx.DeadLetterQueueName(fifoName(app, taskhawk.Default))).Messages
		require.Len(t, letters, 1)
		require.Equal(t, "g", letters[0].GroupID)
	})
}

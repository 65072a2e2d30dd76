package taskhawk_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// scriptedQueue hands out deliveries as a test says, and records how they are settled.
type scriptedQueue struct {
	info    taskhawk.QueueInfo
	batches chan []*taskhawk.Delivery
	deleted chan string
	changed chan string
	fails   atomic.Int64          // how many deletes fail
	hangs   atomic.Bool           // deletes end with their context
	limit   atomic.Int64          // of the last poll
	change  atomic.Pointer[error] // the answer to changes of visibility; nil for success
}

func newScriptedQueue(ordered bool) *scriptedQueue {
	return &scriptedQueue{
		info: taskhawk.QueueInfo{
			Name: "scripted", Priority: taskhawk.Default, Visibility: 30 * time.Second, Ordered: ordered,
		},
		batches: make(chan []*taskhawk.Delivery, 10), deleted: make(chan string, 100), changed: make(chan string, 100),
	}
}

func (q *scriptedQueue) Info() taskhawk.QueueInfo { return q.info }

func (q *scriptedQueue) Receive(ctx context.Context, limit int, _ time.Duration) ([]*taskhawk.Delivery, error) {
	q.limit.Store(int64(limit))
	select {
	case batch := <-q.batches:
		return batch, nil
	case <-time.After(20 * time.Second):
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (q *scriptedQueue) Delete(ctx context.Context, d *taskhawk.Delivery) error {
	if q.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if q.fails.Add(-1) >= 0 {
		return errTest
	}
	q.deleted <- d.Receipt
	return nil
}

func (q *scriptedQueue) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	q.changed <- d.Receipt + " " + timeout.String()
	if answer := q.change.Load(); answer != nil {
		return *answer
	}
	return nil
}

func (q *scriptedQueue) DeadLetter(_ context.Context, d *taskhawk.Delivery, _ taskhawk.DeadLetter) error {
	q.deleted <- d.Receipt + " buried"
	return nil
}

// deliver makes a delivery of the task with argument n.
func (q *scriptedQueue) deliver(n, id, receipt, group string) *taskhawk.Delivery {
	return &taskhawk.Delivery{
		Body:  `{"id":"` + id + `","metadata":{"timestamp":1,"version":"1.0"},"task":"tests.number","args":[` + n + `]}`,
		Queue: q.info.Name, MessageID: id, Receipt: receipt, Group: group, Attempt: 1, Received: time.Now(), Settler: q,
	}
}

func drain(c <-chan string) []string {
	var all []string
	for {
		select {
		case text := <-c:
			all = append(all, text)
		default:
			return all
		}
	}
}

func runScripted(
	t *testing.T, ordered bool, handle func(ctx context.Context, n int) error,
	test func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorkerTest(t, handle), newScriptedQueue(ordered)
		config := taskhawk.WorkerConfig{Backoff: func(int) time.Duration { return time.Minute }, Concurrency: 4}
		worker, err := taskhawk.NewWorker(w.hub, []taskhawk.Queue{q}, config)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { w.done <- worker.Run(ctx) }()
		test(w, q, worker)
		cancel()
		require.NoError(t, <-w.done)
	})
}

func TestWorkerRunsAMessageThatComesTwiceOnce(t *testing.T) {
	t.Parallel()
	slow := func(context.Context, int) error { time.Sleep(time.Second); return nil }
	runScripted(t, false, slow, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
		q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a1", ""), q.deliver("1", "a", "a2", ""), q.deliver("2", "b", "b1", "")}
		pass(5 * time.Second)
		require.ElementsMatch(w, []int{1, 2}, w.runs())
		require.ElementsMatch(w, []string{"a2", "b1"}, drain(q.deleted), "deleted by the last receipt")
		require.EqualValues(w, 1, worker.Stats().Duplicates)
	})
}

func TestWorkerDeletesAndDoesNotRunWhatIsDone(t *testing.T) {
	t.Parallel()
	runScripted(t, false, succeed, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
		q.fails.Store(2)
		for _, receipt := range []string{"a1", "a2", "a3"} {
			q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", receipt, "")}
			pass(time.Second)
		}
		require.Equal(w, []int{1}, w.runs())
		require.Equal(w, []string{"a3"}, drain(q.deleted))
		stats := worker.Stats()
		require.EqualValues(w, 1, stats.SettleFailures)
		require.EqualValues(w, 2, stats.AlreadyDone)
	})
}

func TestWorkerLeasesADeliveryThatDoesNotSayWhenItCame(t *testing.T) {
	t.Parallel()
	slow := func(context.Context, int) error { time.Sleep(20 * time.Second); return nil }
	runScripted(t, false, slow, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
		d := q.deliver("1", "a", "a1", "")
		d.Received = time.Time{}
		q.batches <- []*taskhawk.Delivery{d}
		pass(14 * time.Second)
		require.Empty(w, drain(q.changed), "extended at half of its visibility timeout")
		pass(2 * time.Second)
		require.Equal(w, []string{"a1 30s"}, drain(q.changed))
		pass(5 * time.Second)
		require.Equal(w, []string{"a1"}, drain(q.deleted))
		require.Zero(w, worker.Stats().LostLeases)
	})
}

func TestWorkerKeepsTheOrderOfAGroup(t *testing.T) {
	t.Parallel()
	slow := func(context.Context, int) error { time.Sleep(time.Second); return nil }
	runScripted(t, true, slow, func(w *workerTest, q *scriptedQueue, _ *taskhawk.Worker) {
		q.batches <- []*taskhawk.Delivery{
			q.deliver("1", "a", "a", "g"), q.deliver("2", "b", "b", "g"), q.deliver("9", "z", "z", "h"), q.deliver("3", "c", "c", "g"),
		}
		pass(500 * time.Millisecond)
		require.ElementsMatch(w, []int{1, 9}, w.runs(), "groups run side by side")
		pass(10 * time.Second)
		require.Equal(w, []string{"a", "b", "c"}, without(drain(q.deleted), "z"))
	})
}

func without(all []string, drop string) []string {
	var kept []string
	for _, text := range all {
		if text != drop {
			kept = append(kept, text)
		}
	}
	return kept
}

func TestWorkerHoldsUpAGroupBehindAFailure(t *testing.T) {
	t.Parallel()
	failures := map[string]struct {
		fail    func() error
		runs    []int
		deleted []string
		changed []string
	}{
		"error":     {func() error { return errTest }, []int{1, 2}, []string{"a"}, []string{"b 1m0s", "c 0s", "d 0s"}},
		"panic":     {func() error { panic("x") }, []int{1, 2}, []string{"a"}, []string{"b 1m0s", "c 0s", "d 0s"}},
		"permanent": {func() error { return taskhawk.Permanent(errTest) }, []int{1, 2, 3, 4}, []string{"a", "b buried", "b", "c", "d"}, nil},
		"ignored":   {func() error { return taskhawk.Ignore(errTest) }, []int{1, 2, 3, 4}, []string{"a", "b", "c", "d"}, nil},
	}
	for name, c := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handle := func(_ context.Context, n int) error {
				if n == 2 {
					return c.fail()
				}
				return nil
			}
			runScripted(t, true, handle, func(w *workerTest, q *scriptedQueue, worker *taskhawk.Worker) {
				q.batches <- []*taskhawk.Delivery{
					q.deliver("1", "a", "a", "g"), q.deliver("2", "b", "b", "g"), q.deliver("3", "c", "c", "g"), q.deliver("4", "d", "d", "g"),
				}
				pass(time.Second)
				require.Equal(w, c.runs, w.runs())
				require.Equal(w, c.deleted, drain(q.deleted))
				require.ElementsMatch(w, c.changed, drain(q.changed))
				require.Zero(w, worker.Stats().Waiting)
			})
		})
	}
}

package taskhawk_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// undeletedTest is a worker that makes one receive at a time, on a queue that deletes
// nothing until the test allows it.
type undeletedTest struct {
	*workerTest
	queue *answeringQueue
}

func runUndeleted(t *testing.T, config taskhawk.WorkerConfig, test func(u *undeletedTest)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		u := &undeletedTest{newWorkerTest(t, succeed), newAnsweringQueue(false)}
		u.queue.changed = make(chan string, 10_000)
		u.queue.fails.Store(1 << 30)
		config.MaxReceives = 1
		u.queue.begin(u.workerTest, config)
		test(u)
		u.cancel()
		require.NoError(t, <-u.done)
	})
}

// bring delivers n new messages.
func (u *undeletedTest) bring(n int) {
	for end := u.queue.next.Load() + int64(n); u.queue.next.Load() < end; {
		u.queue.answers <- int(min(end-u.queue.next.Load(), 10))
		synctest.Wait()
	}
}

// again delivers the first message once more.
func (u *undeletedTest) again() {
	u.queue.batches <- u.queue.group("", "m1")
	synctest.Wait()
}

// settle lets the poll in flight end, which may have begun before the last delete failed.
func (u *undeletedTest) settle() { pass(25 * time.Second) }

// requireQuick requires that receives ask for batches.
func (u *undeletedTest) requireQuick() {
	u.Helper()
	u.settle()
	require.EqualValues(u, 10, u.queue.limit.Load())
}

// requireSlow requires that messages are received one at a time, with pauses that grow to
// half a minute.
func (u *undeletedTest) requireSlow() {
	u.Helper()
	u.settle()
	var last time.Duration
	for range 8 {
		require.EqualValues(u, 1, u.queue.inFlight.Load())
		require.EqualValues(u, 1, u.queue.limit.Load())
		u.again()
		start := time.Now()
		for u.queue.inFlight.Load() == 0 {
			pass(10 * time.Millisecond)
		}
		pause := time.Since(start)
		require.GreaterOrEqual(u, pause, min(last+last/4, 24*time.Second))
		last = pause
	}
	require.LessOrEqual(u, last, 30*time.Second+10*time.Millisecond)
}

// Messages that could not be deleted fill three quarters of the memory at 3,072.
func TestWorkerReceivesSlowlyWhileDeletesFail(t *testing.T) {
	t.Parallel()
	runUndeleted(t, taskhawk.WorkerConfig{}, func(u *undeletedTest) {
		u.bring(3071)
		u.requireQuick()
		u.bring(1)
		u.requireSlow()
	})
}

// A worker that holds more messages remembers more of them.
func TestWorkerRemembersAsManyAsItHolds(t *testing.T) {
	t.Parallel()
	runUndeleted(t, taskhawk.WorkerConfig{Concurrency: 1000, Prefetch: 1000}, func(u *undeletedTest) {
		u.bring(5999)
		u.requireQuick()
		u.bring(1)
		u.requireSlow()
	})
}

// One delete that succeeds shows that the service works. It takes ten failures in a row
// to slow receives down again.
func TestWorkerReceivesQuicklyWhenDeletesSucceed(t *testing.T) {
	t.Parallel()
	runUndeleted(t, taskhawk.WorkerConfig{}, func(u *undeletedTest) {
		u.bring(3080)
		u.requireSlow()
		u.queue.fails.Store(0)
		u.again()
		require.Equal(u, []string{"m1"}, drain(u.queue.deleted))
		u.queue.fails.Store(1 << 30)
		u.settle()
		u.requireQuick()
		u.bring(9)
		u.requireQuick()
		u.bring(1)
		u.requireSlow()
	})
}

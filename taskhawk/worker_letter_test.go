package taskhawk_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// letterQueue refuses dead letters.
type letterQueue struct {
	*scriptedQueue
	refuse  error
	letters atomic.Int64
}

func (q *letterQueue) DeadLetter(context.Context, *taskhawk.Delivery, taskhawk.DeadLetter) error {
	q.letters.Add(1)
	return q.refuse
}

// A dead letter is sent again, once, if nothing says that it is not stored. A stop does
// not wait for that.
func TestWorkerSendsALetterAgainWhereItMayBeMissing(t *testing.T) {
	t.Parallel()
	unknown := fmt.Errorf("%w: no answer", taskhawk.ErrOutcomeUnknown)
	for name, c := range map[string]struct {
		refuse  error
		stop    bool
		letters int64
	}{
		"refused":            {refuse: errTest, letters: 1},
		"no answer":          {refuse: unknown, letters: 2},
		"no answer, stopped": {refuse: unknown, stop: true, letters: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorkerTest(t, func(ctx context.Context, _ int) error {
					if c.stop {
						<-ctx.Done()
					}
					return taskhawk.Permanent(errTest)
				})
				log, q := w.logTo(t), &letterQueue{scriptedQueue: newScriptedQueue(false), refuse: c.refuse}
				worker := w.startOn(q, taskhawk.WorkerConfig{GracePeriod: time.Second, AbortPolls: true})
				q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a1", "")}
				pass(time.Second)
				w.cancel()
				require.NoError(t, <-w.done)
				synctest.Wait()
				require.Equal(t, c.letters, q.letters.Load())
				require.EqualValues(t, 1, worker.Stats().SettleFailures)
				require.Zero(t, worker.Stats().Dead)
				require.Empty(t, drain(q.deleted))
				require.Contains(t, lineWith(t, log, "settling failed"), `outcome="dead letter"`)
			})
		})
	}
}

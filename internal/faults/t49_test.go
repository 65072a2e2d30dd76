package faults_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
)

// slowOrders are orders that take longer, all together, than there is time.
func slowOrders(n int, each time.Duration) []order {
	list := orders(make([]string, n)...)
	for i := range list {
		list[i].do, list[i].takes = "ok", each
	}
	return list
}

// What could not be started, or not be finished, comes back; what was done is done; and the answer is in time. A machine that is busy with
// other things may bring an answer late that left in time, so the earliest of a few counts.
func TestT49DeadlineInMidBatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config  functionConfig
		margin  time.Duration
		timeout time.Duration
	}{
		"partial":        {functionConfig{Partial: true, Margin: 2 * time.Second}, 2 * time.Second, 3 * time.Second},
		"at once":        {functionConfig{Partial: true, Margin: 2 * time.Second, Concurrency: 3}, 2 * time.Second, 3 * time.Second},
		"default margin": {functionConfig{Partial: true}, time.Second, 1750 * time.Millisecond},
		"whole":          {functionConfig{Margin: 2 * time.Second}, 2 * time.Second, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "deadline in mid-batch", c.config)
			var left time.Duration
			for range 5 {
				if left = max(left, r.midBatch(c.timeout).Left); left >= c.margin {
					break
				}
			}
			require.GreaterOrEqual(t, left, c.margin)
			require.Equal(t, 1, r.Starts())
			r.check()
		})
	}
}

// midBatch gives the function more than it has time for.
func (r *functionRig) midBatch(timeout time.Duration) verdict {
	r.Helper()
	list := slowOrders(100, 100*time.Millisecond)
	v := r.batch(list, lambdatest.WithTimeout(timeout))
	started := len(r.ranOf(list))
	require.Positive(r, started)
	require.Less(r, started, len(list))
	require.Equal(r, !r.config.Partial, v.Error != nil)
	require.Less(r, len(v.done), len(list))
	require.GreaterOrEqual(r, started, len(v.done))
	if r.config.Partial {
		require.NotEmpty(r, v.done)
	}
	return v
}

// A handler that ignores its context does not keep the answer.
func TestT49HandlerThatHangs(t *testing.T) {
	t.Parallel()
	const margin, timeout = time.Second, 2 * time.Second
	r := startFunction(t, "a handler hangs until the deadline", functionConfig{Partial: true, Margin: margin, Concurrency: 2})
	list := orders("ok", "hang", "ok", "hang", "ok")
	v := r.batch(list, lambdatest.WithTimeout(timeout))
	require.Nil(t, v.Error)
	require.Equal(t, idsOf(list, []int{1, 3, 4}), v.failed)
	require.Greater(t, v.Left, margin/2, "it leaves when the margin begins, and has that for its way")
	require.Empty(t, r.batch(orders("ok")).failed, "what still hangs is not in the way of the next invocation")
	require.Equal(t, 1, r.Starts())
	r.check()
}

// A task whose timeout reaches past the deadline is not started; the others are.
func TestT49TaskThatWouldNotFit(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "a task's timeout reaches past the deadline", functionConfig{Partial: true})
	list := orders("ok", "ok", "ok")
	list[1].task = "tests.timed"
	v := r.batch(list)
	require.Equal(t, []int{0, 2}, r.ranOf(list))
	require.Equal(t, idsOf(list, []int{1}), v.failed)
	r.check()
}

// Without a margin the process would be killed: that is what Lambda does to a function that does not answer.
func TestT49TimeoutKills(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "the timeout kills the process", functionConfig{Partial: true, Margin: time.Millisecond})
	list := orders("ok", "hang", "ok")
	v := r.batch(list, lambdatest.WithTimeout(300*time.Millisecond), lambdatest.WithHeader(lambdatest.HeaderDeadline, "99999999999999"))
	require.Equal(t, lambdatest.ErrorTimedOut, v.Error.Type)
	require.Len(t, v.failed, 3)
	require.Empty(t, r.batch(orders("ok")).failed)
	require.Equal(t, 2, r.Starts())
	r.check()
}

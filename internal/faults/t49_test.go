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

// What could not be started, or not be finished, comes back; what was done is done; and the answer is in time.
func TestT49DeadlineInMidBatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config  functionConfig
		timeout time.Duration
	}{
		"partial":        {functionConfig{Partial: true, Margin: 400 * time.Millisecond}, time.Second},
		"at once":        {functionConfig{Partial: true, Margin: 400 * time.Millisecond, Concurrency: 3}, time.Second},
		"default margin": {functionConfig{Partial: true}, 1750 * time.Millisecond},
		"whole":          {functionConfig{Margin: 400 * time.Millisecond}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "deadline in mid-batch", c.config)
			list := slowOrders(100, 100*time.Millisecond)
			v := r.batch(list, lambdatest.WithTimeout(c.timeout))
			margin := c.config.Margin
			if margin == 0 {
				margin = time.Second
			}
			require.GreaterOrEqual(t, v.Left, margin)
			started := len(r.ranOf(list))
			require.Positive(t, started)
			require.Less(t, started, len(list))
			require.Equal(t, !c.config.Partial, v.Error != nil)
			if c.config.Partial {
				require.NotEmpty(t, v.done)
				require.Less(t, len(v.done), len(list))
				require.GreaterOrEqual(t, started, len(v.done))
			}
			require.Equal(t, 1, r.Starts())
			r.check()
		})
	}
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

package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// hanging is how long a handler hangs: no bubble ends before its goroutines.
const hanging = time.Hour

// A handler that ignores the end of its context cannot be ended. It keeps its slot, and its message; everything else goes on.
func TestT29HandlerHangsForEver(t *testing.T) {
	t.Parallel()
	hang := func(_ context.Context, n int) error {
		if n < 0 {
			time.Sleep(hanging)
		}
		return nil
	}
	inBubble(t, setup{What: "a handler hangs and ignores its context", Handle: hang}, func(r *rig) {
		w := r.start(sqsx.WorkerConfig{Concurrency: 2, GracePeriod: 10 * time.Second})
		r.dispatch(-1)
		time.Sleep(time.Second)
		r.fillAll(50)
		time.Sleep(time.Minute)
		require.Equal(r, 1, r.left(), "all others ran in the other slot")
		time.Sleep(20 * time.Minute)
		r.fillAll(50)
		time.Sleep(time.Minute)
		require.Equal(r, 1, r.left())
		stats := w.Stats()
		require.Equal(r, 1, stats.Running)
		require.Equal(r, 22*time.Minute+time.Second, stats.LongestRun)
		require.Equal(r, 1, r.book.runs(-1), "it is held by heartbeat: nobody else starts it")

		start := time.Now()
		w.cancel()
		var late *taskhawk.StopError
		require.ErrorAs(r, w.wait(), &late)
		require.Equal(r, []string{r.job.Name()}, late.Tasks)
		require.LessOrEqual(r, time.Since(start), 11*time.Second)
		time.Sleep(time.Second)
		require.Equal(r, 1, r.server.Queue(queueName(taskhawk.Default)).Visible, "released: another worker may try it")
		time.Sleep(hanging)
		r.Check(want{Left: 1})
	})
}

func TestT29TimeoutOfATask(t *testing.T) {
	t.Parallel()
	var causes []error
	slow := func(ctx context.Context, _ jobArgs) error {
		<-ctx.Done()
		causes = append(causes, context.Cause(ctx))
		if len(causes) < 3 {
			return ctx.Err()
		}
		return taskhawk.Ignore(ctx.Err())
	}
	var task *taskhawk.Task[jobArgs]
	tasks := func(r *rig) []taskhawk.AnyTask {
		task = taskhawk.New("tests.slow", instrument(r, slow), taskhawk.WithTimeout(10*time.Second))
		return []taskhawk.AnyTask{task}
	}
	inBubble(t, setup{What: "the timeout of a task", Tasks: tasks}, func(r *rig) {
		w := r.start(sqsx.WorkerConfig{Concurrency: 1})
		_, err := task.Dispatch(r.Context(), newArgs(1))
		require.NoError(r, err)
		time.Sleep(10*time.Second - time.Nanosecond)
		require.Equal(r, 1, w.Stats().Running)
		r.fill(20)
		time.Sleep(time.Second)
		require.Equal(r, 20, r.book.distinct(), "the slot is free again")
		r.drain(2 * time.Minute)
		w.stop()
		require.Len(r, causes, 3)
		for _, cause := range causes {
			require.ErrorIs(r, cause, taskhawk.ErrTimeout)
		}
		require.Contains(r, r.sink.lines("task failed, will be retried")[0].Attrs["error"], "the task's timeout is over after 10s")
		r.Check(want{})
	})
}

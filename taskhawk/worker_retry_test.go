package taskhawk_test

import (
	"context"
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

func TestWorkerRetriesWithItsBackoff(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error":  func() error { return errTest },
		"retry":  func() error { return taskhawk.Retry(errTest) },
		"panic":  func() error { panic("boom") },
		"goexit": func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var times []time.Time
			handle := func(context.Context, int) error {
				if times = append(times, time.Now()); len(times) < 3 {
					return fail()
				}
				return nil
			}
			backoff := func(attempt int) time.Duration { return time.Duration(attempt) * time.Minute }
			runWorker(t, taskhawk.WorkerConfig{Backoff: backoff}, handle, func(w *workerTest) {
				w.dispatch(1)
				pass(10 * time.Minute)
				require.Len(w, times, 3)
				require.Equal(w, time.Minute, times[1].Sub(times[0]))
				require.Equal(w, 2*time.Minute, times[2].Sub(times[1]))
				w.requireEmpty()
			})
		})
	}
}

func TestWorkerRetryAfter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ ask, want time.Duration }{
		{ask: 42 * time.Second, want: 42 * time.Second},
		{ask: 0, want: 0},
		{ask: -time.Second, want: 0},
		{ask: 24 * time.Hour, want: 12*time.Hour - time.Second}, // the lease ends 12 h after the receive
	} {
		t.Run(c.ask.String(), func(t *testing.T) {
			t.Parallel()
			var times []time.Time
			handle := func(context.Context, int) error {
				if times = append(times, time.Now()); len(times) == 1 {
					return taskhawk.RetryAfter(c.ask, errTest)
				}
				return nil
			}
			runWorker(t, taskhawk.WorkerConfig{}, handle, func(w *workerTest) {
				w.dispatch(1)
				pass(c.want + 5*time.Minute)
				require.Len(w, times, 2)
				require.Equal(w, c.want, times[1].Sub(times[0]))
			})
		})
	}
}

func TestWorkerDeletesWhatIsIgnored(t *testing.T) {
	t.Parallel()
	ignore := func(context.Context, int) error { return taskhawk.Ignore(errTest) }
	runWorker(t, taskhawk.WorkerConfig{}, ignore, func(w *workerTest) {
		w.dispatch(1)
		synctest.Wait()
		w.requireEmpty()
		require.Len(w, w.runs(), 1)
	})
}

func TestWorkerBuriesPermanentFailuresAtOnce(t *testing.T) {
	t.Parallel()
	fail := func(context.Context, int) error { return taskhawk.Permanent(errTest) }
	runWorker(t, taskhawk.WorkerConfig{}, fail, func(w *workerTest) {
		w.dispatch(1, taskhawk.WithPriority(taskhawk.Low))
		synctest.Wait()
		w.requireEmpty()
		letters := w.memory.DeadLetters(taskhawk.Low)
		require.Len(w, letters, 1)
		require.Equal(w, taskhawk.DeadLetter{Task: "tests.number", Reason: "test error", Attempt: 1}, letters[0].DeadLetter)
	})
}

func TestWorkerNeverDeletesWhatItCannotRun(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{
		"unreadable":    `{"hello"`,
		"unknown task":  `{"id":"1","metadata":{"timestamp":1,"version":"1.0"},"task":"tests.unknown"}`,
		"bad arguments": `{"id":"1","metadata":{"timestamp":1,"version":"1.0"},"task":"tests.number","args":["x"]}`,
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runWorker(t, taskhawk.WorkerConfig{}, succeed, func(w *workerTest) {
				require.NoError(w, w.memory.Publish(w.Context(), &taskhawk.Outgoing{Body: body}))
				w.dispatch(7)
				pass(time.Hour)
				require.Equal(w, []int{7}, w.runs(), "others are not held up")
				letters := w.memory.DeadLetters(taskhawk.Default)
				require.Len(w, letters, 1, "redrive moved it")
				require.Equal(w, body, letters[0].Body)
				require.Equal(w, 5, letters[0].Attempt)
				w.requireEmpty()
			})
		})
	}
}

func TestExponentialBackoff(t *testing.T) {
	t.Parallel()
	backoff := taskhawk.ExponentialBackoff(4*time.Second, time.Minute)
	for attempt, most := range map[int]time.Duration{
		0: 4 * time.Second, 1: 4 * time.Second, 2: 8 * time.Second, 3: 16 * time.Second, 5: time.Minute, 1 << 30: time.Minute,
	} {
		for range 100 {
			require.LessOrEqual(t, backoff(attempt), most)
			require.GreaterOrEqual(t, backoff(attempt), most/2)
		}
	}
	require.Zero(t, taskhawk.ExponentialBackoff(0, 0)(3))
	for _, attempt := range []int{34, 35, 63, 64, 1000, math.MaxInt} {
		unlimited := taskhawk.ExponentialBackoff(time.Second, math.MaxInt64)(attempt)
		require.Greater(t, unlimited, 50*365*24*time.Hour, "attempt %d", attempt)
		require.Equal(t, -time.Second, taskhawk.ExponentialBackoff(-time.Second, time.Minute)(attempt))
	}
	require.EqualValues(t, 1, taskhawk.ExponentialBackoff(1, 1)(3))
	require.Equal(t, -time.Second, taskhawk.ExponentialBackoff(-time.Second, time.Minute)(1))
}

func TestExtendVisibilityKeepsATaskFromOthers(t *testing.T) {
	t.Parallel()
	var errs []error
	slow := func(ctx context.Context, _ int) error {
		for range 4 {
			errs = append(errs, taskhawk.ExtendVisibility(ctx, time.Minute))
			time.Sleep(50 * time.Second)
		}
		return nil
	}
	runWorker(t, taskhawk.WorkerConfig{}, slow, func(w *workerTest) {
		w.dispatch(1)
		pass(time.Hour)
		require.Equal(w, []error{nil, nil, nil, nil}, errs)
		require.Len(w, w.runs(), 1, "though the visibility timeout is %s", taskhawktest.Visibility)
		w.requireEmpty()
	})
}

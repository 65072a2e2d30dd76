package taskhawk_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// everyMinute is a backoff that differs from the worker's own.
func everyMinute(int) time.Duration { return time.Minute }

func TestBackoffOfATaskWins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fail func() error
		want time.Duration
	}{
		"error":       {func() error { return errTest }, time.Minute},
		"retry":       {func() error { return taskhawk.Retry(errTest) }, time.Minute},
		"panic":       {func() error { panic("boom") }, time.Minute},
		"goexit":      {func() error { runtime.Goexit(); return nil }, time.Minute},
		"retry after": {func() error { return taskhawk.RetryAfter(7*time.Second, errTest) }, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var times []time.Time
				w := newWorkerTest(t, func(context.Context, int) error {
					if times = append(times, time.Now()); len(times) == 1 {
						return c.fail()
					}
					return nil
				}, taskhawk.WithBackoff(everyMinute))
				w.start(w.memory.Queues(), taskhawk.WorkerConfig{Backoff: func(int) time.Duration { return time.Hour }})
				w.dispatch(1)
				pass(10 * time.Minute)
				require.Len(t, times, 2)
				require.Equal(t, c.want, times[1].Sub(times[0]))
				w.cancel()
				require.NoError(t, <-w.done)
			})
		})
	}
}

func TestBackoffOfATaskThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logger, log := newLog()
		task := taskhawk.New("tasks.a", func(context.Context, struct{}) error { return errDown },
			taskhawk.WithBackoff(func(int) time.Duration { panic("boom") }))
		hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}, Logger: logger})
		outcome := taskhawk.OutcomeOf(hub.Handle(t.Context(), delivery("tasks.a", "")))
		require.True(t, outcome.HasDelay)
		require.Equal(t, 15*time.Minute, outcome.Delay)
		synctest.Wait()
		require.Contains(t, log.String(), "backoff failed; using the longest default")
	})
}

func TestHandleAppliesThePolicyOfTheTask(t *testing.T) {
	t.Parallel()
	var handled error
	runs := 0
	task := taskhawk.New("tasks.a", func(context.Context, struct{}) error { runs++; return handled },
		taskhawk.WithMaxAttempts(3), taskhawk.WithBackoff(everyMinute))
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
	for name, c := range map[string]struct {
		attempt, queue int // attempts of the queue
		err            error
		action         taskhawk.Action
		ran, expected  bool
		text           string
	}{
		"success at the last":        {attempt: 3, action: taskhawk.ActionDelete, ran: true},
		"first":                      {attempt: 1, err: errDown, action: taskhawk.ActionRetry, ran: true, text: "the service is down"},
		"first, expected":            {attempt: 1, err: taskhawk.Retry(errDown), action: taskhawk.ActionRetry, ran: true, expected: true, text: "retry: the service is down"},
		"no attempt":                 {attempt: 0, err: errDown, action: taskhawk.ActionRetry, ran: true, text: "the service is down"},
		"last":                       {attempt: 3, err: errDown, action: taskhawk.ActionDeadLetter, ran: true, text: "permanent: no attempt is left: attempt 3 of 3 failed: the service is down"},
		"last, expected":             {attempt: 3, err: taskhawk.RetryAfter(0, errDown), action: taskhawk.ActionDeadLetter, ran: true, expected: true, text: "attempt 3 of 3 failed"},
		"last, ignored":              {attempt: 3, err: taskhawk.Ignore(errDown), action: taskhawk.ActionDelete, ran: true, expected: true, text: "ignore"},
		"last, permanent":            {attempt: 3, err: taskhawk.Permanent(errDown), action: taskhawk.ActionDeadLetter, ran: true, text: "permanent: the service is down"},
		"beyond":                     {attempt: 4, err: errDown, action: taskhawk.ActionDeadLetter, text: "received 4 times, 3 allowed; not run"},
		"last of a queue of fewer":   {attempt: 2, queue: 2, err: errDown, action: taskhawk.ActionDeadLetter, ran: true, text: "attempt 2 of 2 failed"},
		"limit of the queue raised":  {attempt: 2, queue: 1, err: errDown, action: taskhawk.ActionRetry, ran: true, text: "the service is down"},
		"last, in a queue of more":   {attempt: 3, queue: 10, err: errDown, action: taskhawk.ActionDeadLetter, ran: true, text: "attempt 3 of 3"},
		"second, in a queue of more": {attempt: 2, queue: 10, err: errDown, action: taskhawk.ActionRetry, ran: true, text: "the service is down"},
	} {
		runs, handled = 0, c.err
		d := delivery("tasks.a", "")
		d.Attempt, d.MaxAttempts = c.attempt, c.queue
		err := hub.Handle(t.Context(), d)
		outcome := taskhawk.OutcomeOf(err)
		require.Equal(t, c.action, outcome.Action, name)
		require.Equal(t, c.expected, outcome.Expected, name)
		require.Equal(t, c.ran, runs == 1, name)
		require.Equal(t, c.action == taskhawk.ActionRetry, outcome.HasDelay, name)
		if c.text != "" {
			require.ErrorContains(t, err, c.text, name)
			require.Equal(t, c.ran, errors.Is(err, errDown), name)
		}
	}
}

func TestWorkerMakesADeadLetterAfterMaxAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logger, log := newLog()
		w := newWorkerTest(t, func(context.Context, int) error { return taskhawk.Retry(errTest) }, taskhawk.WithMaxAttempts(3))
		w.dispatch(1)
		w.hub = newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{w.number}, Logger: logger})
		worker := w.start(w.memory.Queues(), taskhawk.WorkerConfig{})
		pass(time.Hour)
		require.Equal(t, []int{1, 1, 1}, w.runs())
		letters := w.memory.DeadLetters(taskhawk.Default)
		require.Len(t, letters, 1)
		require.Equal(t, taskhawk.DeadLetter{
			Task: "tests.number", Reason: "no attempt is left: attempt 3 of 3 failed: retry: test error", Attempt: 3,
		}, letters[0].DeadLetter)
		w.requireEmpty()
		require.EqualValues(t, 1, worker.Stats().Dead)
		require.EqualValues(t, 2, worker.Stats().Retried)
		w.cancel()
		require.NoError(t, <-w.done)
		require.Contains(t, log.String(), `"level":"WARN","msg":"task failed at its last attempt; becomes a dead letter"`)
	})
}

// The limit of one task does not apply to other tasks of its hub.
func TestMaxAttemptsIsOfOneTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, sleeping(10*time.Second))
		limited := taskhawk.New("tests.limited", func(context.Context, numberArgs) error { return nil }, taskhawk.WithMaxAttempts(3))
		w.hub = newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{w.number, limited}})
		q := newScriptedQueue(false)
		worker := w.startOn(q, taskhawk.WorkerConfig{Concurrency: 1, AbortPolls: true})
		q.batches <- []*taskhawk.Delivery{q.deliver("1", "a", "a", ""), q.deliver("2", "b", "b", "")}
		pass(time.Second)
		w.cancel()
		require.NoError(t, <-w.done)
		require.EqualValues(t, 1, worker.Stats().Released, "the one that waits, and is no last attempt")
		require.Zero(t, worker.Stats().Dead)
	})
}

// What a stop cuts off at the last attempt is no failure, and so no dead letter yet.
func TestStopMakesNoDeadLetterOfALastAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTest(t, func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }, taskhawk.WithMaxAttempts(1))
		w.start(w.memory.Queues(), taskhawk.WorkerConfig{GracePeriod: time.Second})
		w.dispatch(1)
		synctest.Wait()
		w.cancel()
		require.NoError(t, <-w.done)
		require.Empty(t, w.memory.DeadLetters(taskhawk.Default))
		all, _ := w.memory.Depth(taskhawk.Default)
		require.Equal(t, 1, all)

		w.start(w.memory.Queues(), taskhawk.WorkerConfig{})
		pass(time.Minute)
		require.Len(t, w.runs(), 1, "its attempts are over")
		letters := w.memory.DeadLetters(taskhawk.Default)
		require.Len(t, letters, 1)
		require.Equal(t, "no attempt is left: received 2 times, 1 allowed; not run", letters[0].Reason)
		w.cancel()
		require.NoError(t, <-w.done)
	})
}

func TestHubTellsThePoliciesOfWhatItRuns(t *testing.T) {
	t.Parallel()
	done := func(context.Context, struct{}) error { return nil }
	task := taskhawk.New("tasks.a", done, taskhawk.WithMaxAttempts(3), taskhawk.WithTimeout(time.Minute))
	hub := newHub(t, taskhawk.Config{Logger: slog.New(slog.DiscardHandler), Tasks: []taskhawk.AnyTask{
		task, taskhawk.New("tasks.b", done), taskhawk.New[struct{}]("tasks.c", nil, taskhawk.WithMaxAttempts(2)),
	}})
	require.Equal(t, taskhawk.TaskPolicy{MaxAttempts: 3, Timeout: time.Minute}, task.Policy())
	require.Equal(t, map[string]taskhawk.TaskPolicy{"tasks.a": task.Policy(), "tasks.b": {}}, hub.Policies())
}

package lambdax_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// invoke calls the handler with that much time, in a bubble, and returns how long it
// took.
func invoke[Answer any](t *testing.T, timeout time.Duration, handle func(ctx context.Context) (Answer, error)) (Answer, time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	start := time.Now()
	answer, err := handle(ctx)
	return answer, time.Since(start), err
}

// inTime is invoke for an event from a queue.
func (r *env) inTime(
	timeout time.Duration, event events.SQSEvent, config lambdax.SQSConfig,
) (events.SQSEventResponse, time.Duration, error) {
	r.Helper()
	return invoke(r.T, timeout, func(ctx context.Context) (events.SQSEventResponse, error) {
		return must(lambdax.SQS(r.hub, config))(ctx, event)
	})
}

func TestWhatDoesNotFitIsReportedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		seconds := slices.Repeat([]string{"second"}, 6)
		response, took, err := r.inTime(5100*time.Millisecond, doing(seconds...), lambdax.SQSConfig{PartialBatch: true})
		require.NoError(t, err)
		require.Equal(t, 4*time.Second, took, "the fourth ends within the margin's last quarter")
		require.Equal(t, []string{"m4", "m5"}, reported(t, response))
		require.Equal(t, []int{0, 1, 2, 3}, r.ran)
		require.Contains(t, r.log.String(), `level=WARN msg="records not started; too little time left in the invocation" records=2 of=6`)

		_, took, err = r.inTime(5100*time.Millisecond, doing(seconds...), lambdax.SQSConfig{})
		require.ErrorIs(t, err, taskhawk.ErrNoTime)
		require.ErrorIs(t, err, lambdax.ErrDeadline)
		require.Equal(t, 4*time.Second, took)
	})
}

func TestNothingIsStartedWhenTheDeadlineHasPassed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		for _, timeout := range []time.Duration{-time.Hour, 0} {
			response, took, err := r.inTime(timeout, doing("", "", ""), lambdax.SQSConfig{PartialBatch: true})
			require.NoError(t, err)
			require.Zero(t, took)
			require.Equal(t, []string{"m0", "m1", "m2"}, reported(t, response))
			_, _, err = r.inTime(timeout, doing(""), lambdax.SQSConfig{})
			require.ErrorIs(t, err, taskhawk.ErrNoTime)
			_, _, err = invoke(t, timeout, func(ctx context.Context) (any, error) {
				return nil, must(lambdax.SNS(r.hub, lambdax.SNSConfig{}))(ctx, published(body("do", 0, "")))
			})
			require.ErrorIs(t, err, taskhawk.ErrNoTime)
		}
		require.Empty(t, r.ran)
	})
}

// The margin leaves a short function half of its time.
func TestAShortFunctionRunsItsRecords(t *testing.T) {
	t.Parallel()
	for _, margin := range []time.Duration{0, time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			r := newEnv(t)
			response, _, err := r.inTime(time.Second, doing("", "wait"), lambdax.SQSConfig{PartialBatch: true, Margin: margin})
			require.NoError(t, err)
			require.Equal(t, []string{"m1"}, reported(t, response))
			require.Equal(t, []int{0, 1}, r.ran)
		})
	}
}

func TestATaskWithATimeoutNeedsThatMuchTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		response, _, err := r.inTime(7*time.Second, delivered(1, doing("second", "slow", "")), lambdax.SQSConfig{PartialBatch: true})
		require.NoError(t, err)
		require.Equal(t, []string{"m1"}, reported(t, response), "5 s do not fit between a second and the margin of 1 s and a quarter")
		require.Equal(t, []int{0, 2}, r.ran)
		response, _, err = r.inTime(7*time.Second, doing("slow", "", "slow"), lambdax.SQSConfig{PartialBatch: true})
		require.NoError(t, err)
		require.Empty(t, reported(t, response))
	})
}

// A timeout longer than the function has must not bounce the record until it is a dead
// letter, without a run.
func TestATaskWithATimeoutThatNeverFitsRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		response, _, err := r.inTime(3*time.Second, doing("slow", "slow"), lambdax.SQSConfig{PartialBatch: true})
		require.NoError(t, err)
		require.Empty(t, reported(t, response))
		require.Equal(t, []int{0, 1}, r.ran)
		require.Equal(t, 1, strings.Count(r.log.String(), "timeout of the task exceeds the time left"), "said once")
		require.Contains(t, r.log.String(), "task=slow")
		require.Contains(t, r.log.String(), "timeout_ms=5000")

		// One that is not started is not said to run.
		r = newEnv(t)
		response, _, err = r.inTime(3*time.Second, delivered(1, doing("second", "slow")), lambdax.SQSConfig{PartialBatch: true})
		require.NoError(t, err)
		require.Equal(t, []string{"m1"}, reported(t, response))
		require.NotContains(t, r.log.String(), "running it")
	})
}

// A task that always comes behind others in its batch runs before it is a dead letter,
// with less time than it asks for.
func TestATaskBehindOthersIsNotGivenBackForEver(t *testing.T) {
	t.Parallel()
	for timeout, runsAt := range map[time.Duration]int{ // of the function; the task asks for 5 s
		6250 * time.Millisecond: 2,  // 4 s are left of 5, then 2.5 s are enough
		3250 * time.Millisecond: 2,  // of 2 s, 1 s is left: the task never fits
		2500 * time.Millisecond: 4,  // a quarter is left
		2300 * time.Millisecond: 16, // 50 ms of 1,050 ms are left
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newEnv(t)
			for attempt := 1; attempt < runsAt; attempt++ {
				event := delivered(attempt, doing("second", "slow"))
				response, _, err := r.inTime(timeout, event, lambdax.SQSConfig{PartialBatch: true})
				require.NoError(t, err)
				require.Equal(t, []string{"m1"}, reported(t, response), "timeout %s, attempt %d", timeout, attempt)
			}
			require.NotContains(t, r.log.String(), "running it")
			response, _, err := r.inTime(timeout, delivered(runsAt, doing("second", "slow")), lambdax.SQSConfig{PartialBatch: true})
			require.NoError(t, err)
			require.Empty(t, reported(t, response), "timeout %s", timeout)
			require.Contains(t, r.log.String(), "timeout of the task exceeds the time left")
		})
	}
}

// delivered is the event as its records come for that many times.
func delivered(attempt int, event events.SQSEvent) events.SQSEvent {
	for i := range event.Records {
		event.Records[i].Attributes["ApproximateReceiveCount"] = strconv.Itoa(attempt)
	}
	return event
}

func TestHandlersEndWithTheirContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		response, took, err := r.inTime(10*time.Second, doing("wait", ""), lambdax.SQSConfig{PartialBatch: true, Margin: 4 * time.Second})
		require.NoError(t, err)
		require.Equal(t, 5*time.Second, took)
		require.Equal(t, []string{"m0", "m1"}, reported(t, response))
		require.Contains(t, r.log.String(), lambdax.ErrDeadline.Error(), "the cause of its context, which it returned")
	})
}

func TestTheAnswerDoesNotWaitForAHandlerThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		response, took, err := r.inTime(10*time.Second, doing("", "hang", "fail", ""), lambdax.SQSConfig{PartialBatch: true, Concurrency: 2})
		require.NoError(t, err)
		require.Equal(t, 9*time.Second, took)
		require.Equal(t, []string{"m1", "m2"}, reported(t, response))
		_, took, err = r.inTime(10*time.Second, doing("hang"), lambdax.SQSConfig{})
		require.ErrorIs(t, err, lambdax.ErrAbandoned)
		require.Equal(t, 9*time.Second, took)
		time.Sleep(2 * time.Hour) // what comes late changes nothing, and ends
	})
}

func TestRecordsRunSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		seconds := slices.Repeat([]string{"second"}, 10)
		for concurrency, want := range map[int]time.Duration{1: 10 * time.Second, 3: 4 * time.Second, 10: time.Second, 99: time.Second} {
			_, took, err := r.inTime(time.Minute, doing(seconds...), lambdax.SQSConfig{Concurrency: concurrency})
			require.NoError(t, err)
			require.Equal(t, want, took)
		}
		seconds[0], seconds[5] = "goexit", "goexit"
		_, took, err := r.inTime(time.Minute, doing(seconds...), lambdax.SQSConfig{Concurrency: 2})
		require.ErrorContains(t, err, "2 of 10 records failed")
		require.Equal(t, 4*time.Second, took, "a handler that ends its goroutine takes no place away")
	})
}

func TestInvocationsSideBySideKeepApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		handle := must(lambdax.SQS(r.hub, lambdax.SQSConfig{PartialBatch: true, Concurrency: 2}))
		answers := make(chan events.SQSEventResponse)
		for range 20 {
			go func() {
				response, _ := handle(t.Context(), fifo(doing("second", "fail", "second", "second"), "a", "b", "a", "b"))
				answers <- response
			}()
		}
		for range 20 {
			require.Equal(t, []string{"m1", "m2", "m3"}, reported(t, <-answers), "the failure in one group stops the batch, and no other")
		}
	})
}

// When the process is to end, the caller may cancel the invocation: what has not begun is
// not begun.
func TestACancelledInvocationStartsNothingMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { cancel(errors.New("told to end")) })
		response, err := must(lambdax.SQS(r.hub, lambdax.SQSConfig{PartialBatch: true}))(ctx, doing("second", "wait", "second"))
		require.NoError(t, err)
		require.Equal(t, []string{"m1", "m2"}, reported(t, response))
		require.True(t, slices.Equal([]int{0, 1}, r.ran))
	})
}

// picky is an error whose Is method panics for some targets.
type picky struct{}

func (picky) Error() string { return "picky" }

func (picky) Is(target error) bool {
	if errors.Is(target, taskhawk.ErrNoTime) {
		panic(secret)
	}
	return false
}

func TestAnErrorThatPanicsOnlyWhenItIsAskedForTime(t *testing.T) {
	t.Parallel()
	r := newEnv(t, taskhawk.New("picky", func(context.Context, doArgs) error { return picky{} }))
	event := doing("", "")
	event.Records[0].Body = body("picky", 0, "")
	response, err := must(lambdax.SQS(r.hub, lambdax.SQSConfig{PartialBatch: true}))(t.Context(), event)
	require.NoError(t, err)
	require.Equal(t, []string{"m0"}, reported(t, response))
}

// An observer and a settler cost what they do only where there is one.
func TestRecordsAllocate(t *testing.T) {
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Logger: slog.New(slog.DiscardHandler),
		Tasks:  []taskhawk.AnyTask{taskhawk.New("do", func(context.Context, doArgs) error { return nil })},
	})
	require.NoError(t, err)
	handle := must(lambdax.SQS(hub, lambdax.SQSConfig{PartialBatch: true}))
	event := doing(slices.Repeat([]string{""}, 10)...)
	allocated := testing.AllocsPerRun(50, func() { _, _ = handle(t.Context(), event) })
	t.Logf("%.0f allocations for ten records", allocated)
	require.LessOrEqual(t, allocated, 90.0)
}

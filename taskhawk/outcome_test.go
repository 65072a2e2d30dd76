package taskhawk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestOutcomeOf(t *testing.T) {
	t.Parallel()
	var (
		done   = taskhawk.Outcome{Action: taskhawk.ActionDelete}
		failed = taskhawk.Outcome{Action: taskhawk.ActionRetry}
		again  = taskhawk.Outcome{Action: taskhawk.ActionRetry, Expected: true}
		dead   = taskhawk.Outcome{Action: taskhawk.ActionDeadLetter}
		fine   = taskhawk.Outcome{Action: taskhawk.ActionDelete, Expected: true}
		later  = func(d time.Duration) taskhawk.Outcome {
			return taskhawk.Outcome{Action: taskhawk.ActionRetry, Expected: true, HasDelay: true, Delay: d}
		}
		wrapped = func(err error) error { return fmt.Errorf("tasks.x: %w", err) }
	)
	for name, c := range map[string]struct {
		err  error
		want taskhawk.Outcome
	}{
		"nil":                              {nil, done},
		"any error":                        {errDown, failed},
		"a wrapped one":                    {wrapped(errDown), failed},
		"end of the context":               {context.Canceled, failed},
		"unknown task":                     {taskhawk.ErrUnknownTask, failed},
		"unreadable message":               {&taskhawk.MessageError{}, failed},
		"arguments that do not bind":       {&taskhawk.ArgumentError{Err: errDown}, failed},
		"invalid arguments":                {&taskhawk.ValidationError{Err: errDown}, failed},
		"timeout":                          {taskhawk.ErrTimeout, failed},
		"Retry":                            {taskhawk.Retry(errDown), again},
		"Retry(nil)":                       {taskhawk.Retry(nil), again},
		"RetryAfter":                       {taskhawk.RetryAfter(time.Minute, errDown), later(time.Minute)},
		"RetryAfter(0)":                    {taskhawk.RetryAfter(0, errDown), later(0)},
		"RetryAfter(-1)":                   {taskhawk.RetryAfter(-1, errDown), later(0)},
		"RetryAfter(nil)":                  {taskhawk.RetryAfter(time.Hour, nil), later(time.Hour)},
		"Ignore":                           {taskhawk.Ignore(errDown), fine},
		"Ignore(nil)":                      {taskhawk.Ignore(nil), done},
		"Permanent":                        {taskhawk.Permanent(errDown), dead},
		"Permanent(nil)":                   {taskhawk.Permanent(nil), dead},
		"wrapped":                          {wrapped(wrapped(taskhawk.Permanent(errDown))), dead},
		"wrapped beside another":           {fmt.Errorf("%w after %s: %w", taskhawk.ErrTimeout, time.Second, taskhawk.Ignore(errDown)), fine},
		"joined":                           {errors.Join(errDown, taskhawk.RetryAfter(time.Second, errDown)), later(time.Second)},
		"joined, the first decides":        {errors.Join(taskhawk.Retry(errDown), taskhawk.Permanent(errDown)), again},
		"nested, the outermost decides":    {taskhawk.Permanent(wrapped(taskhawk.Ignore(errDown))), dead},
		"nested the other way":             {wrapped(taskhawk.Ignore(taskhawk.Permanent(errDown))), fine},
		"Retry takes a delay back":         {taskhawk.Retry(taskhawk.RetryAfter(time.Second, errDown)), again},
		"panic":                            {&taskhawk.PanicError{Value: "x"}, failed},
		"panic with an outcome":            {&taskhawk.PanicError{Value: taskhawk.Ignore(errDown)}, failed},
		"panic with an outcome, wrapped":   {wrapped(&taskhawk.PanicError{Value: wrapped(taskhawk.Permanent(errDown))}), failed},
		"panic made permanent":             {taskhawk.Permanent(&taskhawk.PanicError{Value: taskhawk.Ignore(errDown)}), dead},
		"panic beside a permanent failure": {errors.Join(&taskhawk.PanicError{}, taskhawk.Permanent(errDown)), failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := c.want
			want.Err = c.err
			require.Equal(t, want, taskhawk.OutcomeOf(c.err))
		})
	}
}

func TestOutcomesKeepTheirCause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		text string
	}{
		{taskhawk.Retry(errDown), "retry: the service is down"},
		{taskhawk.RetryAfter(time.Second, errDown), "retry: the service is down"},
		{taskhawk.Ignore(errDown), "ignore: the service is down"},
		{taskhawk.Permanent(errDown), "permanent: the service is down"},
	} {
		require.ErrorIs(t, c.err, errDown)
		require.EqualError(t, c.err, c.text)
	}
	require.NoError(t, taskhawk.Ignore(nil))
	for _, c := range []struct {
		err  error
		text string
	}{
		{taskhawk.Retry(nil), "retry"},
		{taskhawk.RetryAfter(time.Second, nil), "retry"},
		{taskhawk.Permanent(nil), "permanent"},
	} {
		require.EqualError(t, c.err, c.text)
		require.NoError(t, errors.Unwrap(c.err))
	}
}

func TestActionsHaveNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "delete", taskhawk.ActionDelete.String())
	require.Equal(t, "retry", taskhawk.ActionRetry.String())
	require.Equal(t, "dead letter", taskhawk.ActionDeadLetter.String())
}

// settler records what it is asked for.
type settler struct {
	err     error // its answer
	panics  bool
	delays  []time.Duration
	letters []taskhawk.DeadLetter
	deleted []string // receipts

	deleteErr error // the answer of Delete
}

func (s *settler) SetVisibility(_ context.Context, _ *taskhawk.Delivery, timeout time.Duration) error {
	if s.panics {
		panic("canary")
	}
	s.delays = append(s.delays, timeout)
	return s.err
}

func (s *settler) DeadLetter(_ context.Context, _ *taskhawk.Delivery, letter taskhawk.DeadLetter) error {
	s.letters = append(s.letters, letter)
	return s.err
}

func (s *settler) Delete(_ context.Context, d *taskhawk.Delivery) error {
	s.deleted = append(s.deleted, d.Receipt)
	return s.deleteErr
}

func TestSettleDoesWhatTheOutcomeSays(t *testing.T) {
	t.Parallel()
	byAttempt := func(attempt int) time.Duration { return time.Duration(attempt) * time.Minute }
	for name, c := range map[string]struct {
		handled error
		done    bool
		delays  []time.Duration
		letters []taskhawk.DeadLetter
	}{
		"success":     {nil, true, nil, nil},
		"ignored":     {taskhawk.Ignore(errDown), true, nil, nil},
		"failure":     {errDown, false, []time.Duration{3 * time.Minute}, nil},
		"retry":       {taskhawk.Retry(errDown), false, []time.Duration{3 * time.Minute}, nil},
		"retry after": {taskhawk.RetryAfter(time.Hour, errDown), false, []time.Duration{time.Hour}, nil},
		"retry now":   {taskhawk.RetryAfter(0, errDown), false, []time.Duration{0}, nil},
		"permanent": {taskhawk.Permanent(errDown), true, nil, []taskhawk.DeadLetter{
			{Task: "t", Reason: "the service is down", Attempt: 3},
		}},
	} {
		s := &settler{}
		d := delivery("t", "")
		d.Settler = s
		done, err := taskhawk.Settle(t.Context(), d, c.handled, byAttempt)
		require.NoError(t, err, name)
		require.Equal(t, c.done, done, name)
		require.Equal(t, c.delays, s.delays, name)
		require.Equal(t, c.letters, s.letters, name)

		s.err = errors.New("refused")
		done, err = taskhawk.Settle(t.Context(), d, c.handled, byAttempt)
		require.Equal(t, taskhawk.OutcomeOf(c.handled).Action == taskhawk.ActionDelete, done, name)
		require.Equal(t, !done, err != nil, name)

		d.Settler = nil
		done, err = taskhawk.Settle(t.Context(), d, c.handled, byAttempt)
		require.NoError(t, err, name)
		require.Equal(t, taskhawk.OutcomeOf(c.handled).Action == taskhawk.ActionDelete, done, "%s: without a settler nothing is a dead letter", name)
	}
}

func TestSettleDeletesOnlyBehindAStoredLetter(t *testing.T) {
	t.Parallel()
	s := &settler{}
	d := delivery("t", "")
	d.Settler = s
	for _, handled := range []error{nil, taskhawk.Ignore(errDown), errDown, taskhawk.RetryAfter(0, errDown)} {
		_, err := taskhawk.Settle(t.Context(), d, handled, nil)
		require.NoError(t, err)
	}
	require.Empty(t, s.deleted)

	done, err := taskhawk.Settle(t.Context(), d, taskhawk.Permanent(errDown), nil)
	require.NoError(t, err)
	require.True(t, done)
	require.Equal(t, []string{"r1"}, s.deleted)

	s.deleteErr = errors.New("access denied")
	done, err = taskhawk.Settle(t.Context(), d, taskhawk.Permanent(errDown), nil)
	require.ErrorIs(t, err, s.deleteErr)
	require.True(t, done, "the letter is stored: another delivery would only add a second one")

	s.err, s.deleted = errors.New("no such queue"), nil
	done, err = taskhawk.Settle(t.Context(), d, taskhawk.Permanent(errDown), nil)
	require.ErrorIs(t, err, s.err)
	require.False(t, done)
	require.Empty(t, s.deleted, "the message is all there is")
}

func TestSettleNamesTheTaskOfALetter(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long.", 40)
	for body, want := range map[string]string{
		delivery(long, "").Body: long,
		"not JSON":              "",
	} {
		s := &settler{}
		_, err := taskhawk.Settle(t.Context(), &taskhawk.Delivery{Body: body, Settler: s}, taskhawk.Permanent(errDown), nil)
		require.NoError(t, err)
		require.Equal(t, want, s.letters[0].Task)
	}
}

func TestSettleStandsBadBackoffsAndSettlers(t *testing.T) {
	t.Parallel()
	s := &settler{}
	d := delivery("t", "")
	d.Settler = s
	for _, backoff := range []taskhawk.Backoff{
		nil, func(int) time.Duration { return -1 }, func(int) time.Duration { panic("canary") },
	} {
		_, err := taskhawk.Settle(t.Context(), d, errDown, backoff)
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, s.delays[0], 10*time.Second, "the default of a worker: 5 s doubled twice, less half of it")
	require.LessOrEqual(t, s.delays[0], 20*time.Second)
	require.Equal(t, []time.Duration{0, 15 * time.Minute}, s.delays[1:])

	s.panics = true
	done, err := taskhawk.Settle(t.Context(), d, errDown, nil)
	require.False(t, done)
	require.EqualError(t, err, "panic (string)")
}

func TestSettleEndsBeforeTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &settler{}
		d := delivery("t", "")
		d.Settler, d.LeaseEnds = s, time.Now().Add(time.Minute)
		_, err := taskhawk.Settle(t.Context(), d, taskhawk.RetryAfter(time.Hour, errDown), nil)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		_, err = taskhawk.Settle(t.Context(), d, taskhawk.RetryAfter(time.Hour, errDown), nil)
		require.NoError(t, err)
		require.Equal(t, []time.Duration{59 * time.Second, 0}, s.delays)
	})
}

func TestHandleWarnsOfATimeoutBeyondTheTimeLeft(t *testing.T) {
	t.Parallel()
	for left, warnings := range map[time.Duration]int{time.Minute: 0, time.Minute - 1: 1} {
		synctest.Test(t, func(t *testing.T) {
			logger, text := newLog()
			handle := func(context.Context, struct{}) error { return nil }
			hub := newHub(t, taskhawk.Config{
				Logger: logger, Tasks: []taskhawk.AnyTask{taskhawk.New("minute", handle, taskhawk.WithTimeout(time.Minute))},
			})
			d := delivery("minute", "")
			d.Received, d.Deadline, d.Attempt = time.Now(), time.Now().Add(left), 1
			require.NoError(t, hub.Handle(t.Context(), d))
			synctest.Wait()
			require.Equal(t, warnings, strings.Count(text.String(), "timeout of the task exceeds the time left"))
		})
	}
}

func TestHandleStartsNothingThatWouldEndTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		handle := func(context.Context, struct{}) error { runs++; return nil }
		hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
			taskhawk.New("t", handle), taskhawk.New("minute", handle, taskhawk.WithTimeout(time.Minute)),
		}})
		for _, c := range []struct {
			task       string
			used, left time.Duration
			text       string
			attempt    int
		}{
			{"t", 0, 1, "", 1},
			{"t", 0, 0, "too little time is left to start the task: the deadline has passed", 1},
			{"t", 0, -time.Hour, "the deadline has passed", 1},
			{"minute", 0, time.Minute, "", 1},
			{"minute", time.Second, 59 * time.Second, "too little time is left to start the task: 59s; this delivery needs 1m0s", 1},
			{"unheard of", 0, -1, "the deadline has passed", 1},
			// It does not fit into any delivery: given back at once, it would become a
			// dead letter within a moment.
			{"minute", 0, 40 * time.Second, "", 1},
			{"minute", 10 * time.Second, 30 * time.Second, "", 1},
			{"minute", 11 * time.Second, 29 * time.Second, "29s; this delivery needs 30s", 1},
			// A delivery that was given back has cost an attempt.
			{"minute", 30 * time.Second, 30 * time.Second, "", 2},
			{"minute", 31 * time.Second, 29 * time.Second, "29s; this delivery needs 30s", 2},
			{"minute", 25 * time.Second, 15 * time.Second, "", 2},
			{"minute", 26 * time.Second, 14 * time.Second, "14s; this delivery needs 15s", 2},
			{"minute", 30 * time.Second, 10 * time.Second, "", 3},
			{"minute", 0, -1, "the deadline has passed", 100},
		} {
			d := delivery(c.task, "")
			d.Attempt, d.Received = c.attempt, time.Now().Add(-c.used)
			d.Deadline = time.Now().Add(c.left)
			before := runs
			err := hub.Handle(t.Context(), d)
			if c.text == "" {
				require.NoError(t, err)
				require.Equal(t, before+1, runs)
				continue
			}
			require.ErrorIs(t, err, taskhawk.ErrNoTime)
			require.ErrorContains(t, err, c.text)
			require.Equal(t, before, runs)
			require.Equal(t, taskhawk.Outcome{Action: taskhawk.ActionRetry, HasDelay: true, Expected: true, Err: err}, taskhawk.OutcomeOf(err))
		}
	})
}

func TestMetadataHasTheTopic(t *testing.T) {
	t.Parallel()
	var got []taskhawk.Metadata
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("t", func(ctx context.Context, _ struct{}) error {
			got = append(got, taskhawk.MetadataFrom(ctx))
			return nil
		}),
	}})
	const body = `{"Type":"Notification","TopicArn":"arn:topic","Message":"{\"id\":\"i\",\"metadata\":{\"timestamp\":1,\"version\":\"1.0\"},\"task\":\"t\"}"}`
	require.NoError(t, hub.Handle(t.Context(), &taskhawk.Delivery{Body: body}))
	require.NoError(t, hub.Handle(t.Context(), &taskhawk.Delivery{Body: body, Topic: "arn:event"}))
	require.Equal(t, "arn:topic", got[0].Topic)
	require.Equal(t, "arn:event", got[1].Topic)
}

package taskhawktest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

func TestPipelineRunsWhatHandlersDispatch(t *testing.T) {
	t.Parallel()
	email := newEmail("tasks.email")
	var sent []string
	attempts := 0
	email = email.WithHandler(func(ctx context.Context, args emailArgs) error {
		if attempts++; attempts == 1 {
			return errDown
		}
		sent = append(sent, args.To+" "+taskhawk.MetadataFrom(ctx).Headers["request_id"])
		return nil
	})
	signUp := taskhawk.New("tasks.sign_up", func(ctx context.Context, to signUpArgs) error {
		_, err := email.Dispatch(ctx, emailArgs{To: to.To}, taskhawk.WithPriority(taskhawk.High))
		return err
	})
	broken := taskhawk.New("tasks.broken", func(context.Context, struct{}) error { return taskhawk.Permanent(errDown) })
	ctx, pipeline := taskhawktest.NewPipeline(t, taskhawk.Config{
		Publisher:      &taskhawktest.Recorder{}, // of the program; it is not used
		Sync:           true,
		Tasks:          []taskhawk.AnyTask{email, signUp, broken},
		DefaultHeaders: func(context.Context, string) taskhawk.Headers { return taskhawk.Headers{"request_id": "r1"} },
	})
	pipeline.RunUntilIdle()
	require.Empty(t, sent, "nothing was dispatched")
	for _, to := range []string{"a", "b"} {
		_, err := signUp.Dispatch(ctx, signUpArgs{to})
		require.NoError(t, err)
	}
	_, err := broken.Dispatch(ctx, struct{}{})
	require.NoError(t, err)
	pipeline.RunUntilIdle()
	require.ElementsMatch(t, []string{"a r1", "b r1"}, sent)
	require.Equal(t, 3, attempts, "the failed one again")
	require.ElementsMatch(t, []emailArgs{{To: "a"}, {To: "b"}}, taskhawktest.Dispatched(t, pipeline.Recorder, email))
	letters := pipeline.Memory.DeadLetters(taskhawk.Default)
	require.Len(t, letters, 1)
	require.Equal(t, "tasks.broken", letters[0].Task)
	require.Equal(t, errDown.Error(), letters[0].Reason)
	pipeline.RunUntilIdle() // dead letters stay where they are
}

func TestPipelineHonoursThePolicyOfATask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		task := taskhawk.New("tasks.twice", func(context.Context, struct{}) error { runs++; return errDown },
			taskhawk.WithMaxAttempts(2), taskhawk.WithBackoff(func(int) time.Duration { return time.Hour }))
		ctx, pipeline := taskhawktest.NewPipeline(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
		start := time.Now()
		_, err := task.Dispatch(ctx, struct{}{})
		require.NoError(t, err)
		pipeline.RunUntilIdle()
		require.Equal(t, 2, runs)
		require.Equal(t, time.Hour, time.Since(start))
		require.Len(t, pipeline.Memory.DeadLetters(taskhawk.Default), 1)
	})
}

type signUpArgs struct{ To string }

func TestPipelineWaitsForDelays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		task := taskhawk.New("tasks.slow", func(context.Context, struct{}) error {
			if runs++; runs == 1 {
				return taskhawk.RetryAfter(time.Hour, errDown)
			}
			time.Sleep(time.Hour)
			return nil
		})
		fails := taskhawk.New("tasks.fails", func(context.Context, struct{}) error { return errDown })
		ctx, pipeline := taskhawktest.NewPipeline(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task, fails}})
		start := time.Now()
		_, err := task.Dispatch(ctx, struct{}{}, taskhawk.WithDelay(time.Minute))
		require.NoError(t, err)
		_, err = fails.Dispatch(ctx, struct{}{})
		require.NoError(t, err)
		pipeline.RunUntilIdle()
		require.Equal(t, 2*time.Hour+time.Minute, time.Since(start))
		require.Len(t, pipeline.Memory.DeadLetters(taskhawk.Default), 1)
	})
}

func TestPipelineFailsTheTest(t *testing.T) {
	t.Parallel()
	none := failureOf(func(t testing.TB) {
		t.Helper()
		_, pipeline := taskhawktest.NewPipeline(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{newEmail("tasks.email")}})
		_ = pipeline.Publish(t.Context(), &taskhawk.Outgoing{ID: "i", Priority: taskhawk.Low})
		pipeline.RunUntilIdle()
	})
	require.Contains(t, none, "taskhawktest: taskhawk: new worker: no task of the hub has a handler")
	twice := failureOf(func(t testing.TB) {
		t.Helper()
		email := newEmail("tasks.email")
		taskhawktest.NewPipeline(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{email, email}})
	})
	require.Contains(t, twice, "taskhawktest: taskhawk: new hub: ")
}

// Record takes the configuration of the program for what shapes a dispatch.
func TestRecordWithTheConfigOfTheProgram(t *testing.T) {
	t.Parallel()
	email := newEmail("tasks.email")
	ctx, recorder := taskhawktest.Record(t, taskhawk.Config{
		Sync: true, Tasks: []taskhawk.AnyTask{email}, KeywordArgs: true,
		DefaultHeaders: func(context.Context, string) taskhawk.Headers { return taskhawk.Headers{"request_id": "r1"} },
	})
	_, err := email.Dispatch(ctx, emailArgs{To: "a"})
	require.NoError(t, err)
	out := recorder.Outgoing()[0]
	require.Equal(t, taskhawk.Headers{"request_id": "r1"}, out.Headers)
	require.Contains(t, out.Body, `"kwargs":{"to":"a"}`)
	_, err = email.Dispatch(t.Context(), emailArgs{To: "a"})
	require.ErrorIs(t, err, taskhawk.ErrNoHub, "a test leaves nothing behind for the next one")
}

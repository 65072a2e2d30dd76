package sqsx_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func letters(priority taskhawk.Priority) string { return sqsx.DeadLetterQueueName(*name(priority)) }

func TestRedriveMovesToTheQueueOfThePriority(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var repaired atomic.Bool
		r := newRig(t, func(context.Context, int) error {
			if repaired.Load() {
				return nil
			}
			return taskhawk.Permanent(errTest)
		})
		r.start(sqsx.WorkerConfig{})
		for n := range 25 {
			r.dispatch(n, taskhawk.WithPriority(taskhawk.Low), taskhawk.WithHeaders(taskhawk.Headers{"k": "v"}))
		}
		r.dispatch(25, taskhawk.WithPriority(taskhawk.High))
		time.Sleep(time.Minute)
		r.stop()
		require.Len(t, r.messages(letters(taskhawk.Low)), 25)

		report, err := sqsx.Redrive(t.Context(), r.client, app, sqsx.RedriveConfig{Copy: true})
		require.NoError(t, err)
		require.Equal(t, map[string]int{*name(taskhawk.Low): 25, *name(taskhawk.High): 1}, report.Moved)
		require.Equal(t, 26, report.Total())
		require.Empty(t, r.messages(letters(taskhawk.Low)))
		moved := r.messages(*name(taskhawk.Low))
		require.Len(t, moved, 25)
		require.Equal(t, "v", moved[0].Attributes["k"])
		require.Equal(t, "tests.number", moved[0].Attributes["taskhawk_task"])
		require.NotContains(t, moved[0].Attributes, "taskhawk_reason")

		repaired.Store(true)
		r.start(sqsx.WorkerConfig{})
		time.Sleep(time.Minute)
		r.stop()
		r.requireEmpty()
	})
}

func TestRedriveEndsThoughTheTaskGoesOnFailing(t *testing.T) {
	t.Parallel()
	for _, config := range []sqsx.RedriveConfig{{}, {Copy: true}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, func(context.Context, int) error { return taskhawk.Permanent(errTest) })
			r.start(sqsx.WorkerConfig{})
			r.dispatch(1)
			time.Sleep(time.Second)
			report, err := sqsx.Redrive(t.Context(), r.client, app, config)
			require.NoError(t, err)
			require.Equal(t, 1, report.Total())
			r.stop()
			require.Len(t, r.messages(letters(taskhawk.Default)), 1)
		})
	}
}

func TestRedriveLimitHoldsOverAllQueues(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 8 {
			g.bury(deadLettersOf(taskhawk.High), g.body("tests.a"))
		}
		g.buryTasks(slices.Repeat([]string{"tests.a"}, 12)...)
		report := g.redrive(sqsx.RedriveConfig{Limit: 13})
		require.Equal(g, map[string]int{queueOf(taskhawk.High): 8, queueOf(taskhawk.Default): 5}, report.Moved)
		g.requireDead(7)
		g.requireBack(5)
		for _, letter := range g.server.Queue(deadLettersOf(taskhawk.Default)).Messages {
			require.Zero(g, letter.Receives, "it asks for no more than it may move")
		}
	})
}

func TestRedriveOfQueuesThatShareAName(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks("tests.a")
		report := g.redrive(sqsx.RedriveConfig{
			Naming: func(queue string, _ taskhawk.Priority) string { return sqsx.QueueName(queue, taskhawk.Default) },
		})
		require.Len(g, report.Queues, 1)
		require.Equal(g, 1, report.Total())
	})
}

func TestRedriveRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	client := sqstest.NewUnstartedServer().Client()
	for want, config := range map[string]sqsx.RedriveConfig{
		"negative Limit -1":                      {Limit: -1},
		"rate -1: SQS moves up to 500 messages":  {Rate: -1},
		"rate 501: SQS moves up to 500 messages": {Rate: 501},
		"unknown priority":                       {Priorities: []taskhawk.Priority{9}},
	} {
		_, err := sqsx.Redrive(t.Context(), client, app, config)
		require.ErrorContains(t, err, want)
	}
	_, err := sqsx.Redrive(t.Context(), client, "", sqsx.RedriveConfig{})
	require.ErrorContains(t, err, "no name")
	_, err = sqsx.Redrive(t.Context(), nil, app, sqsx.RedriveConfig{})
	require.ErrorContains(t, err, "nil API")
}

func TestRedriveReportReadsWell(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks("tests.a", "tests.b", "tests.b", "tests.a\nforged: 5 moved")
		g.bury(deadLettersOf(taskhawk.Default), "not JSON")
		report := g.redrive(sqsx.RedriveConfig{Priorities: []taskhawk.Priority{taskhawk.High, taskhawk.Default}, Tasks: []string{"tests.b"}})
		require.Equal(g, `TASKHAWK-DEV-MYAPP-HIGH-PRIORITY: none (copy)
TASKHAWK-DEV-MYAPP: 2 moved, 3 skipped (copy)
  "": 1 skipped
  tests.a: 1 skipped
  "tests.a\nforged: 5 moved": 1 skipped
  tests.b: 2 moved
`, report.String())
	})
}

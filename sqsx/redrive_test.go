package sqsx_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
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
		r := newEnv(t, func(context.Context, int) error {
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
			r := newEnv(t, func(context.Context, int) error { return taskhawk.Permanent(errTest) })
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

// The clock of SQS decides, by the Date of its answers.
func TestRedriveOfAMachineWithAWrongClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{time.Hour, -time.Hour} {
		inGraveyard(t, func(g *graveyard) {
			time.Sleep(24 * time.Hour)
			g.buryMany(15)
			client := g.clientThrough(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
				response, err := next.RoundTrip(r)
				if err == nil {
					response.Header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
				}
				return response, err
			})
			// The letters were sent by the clock of SQS.
			shifted := sentAPI{Client: client, ahead: ahead}
			config := onlyDefault()
			config.Tasks = []string{"tests.a"}
			report, err := sqsx.Redrive(g.Context(), shifted, app, config)
			require.NoError(g, err)
			require.Equal(g, sqsx.RedriveCount{Moved: 15}, report.Count())
			require.InDelta(g, ahead.Seconds(), report.ClockAhead.Seconds(), 1)
			require.Contains(g, report.String(), "the clock of SQS is ")
			g.requireBack(15)
		})
	}
}

// sentAPI is an SQS whose clock is wrong in the messages too.
type sentAPI struct {
	*sqs.Client

	ahead time.Duration
}

func (s sentAPI) ReceiveMessage(
	ctx context.Context, in *sqs.ReceiveMessageInput, options ...func(*sqs.Options),
) (*sqs.ReceiveMessageOutput, error) {
	out, err := s.Client.ReceiveMessage(ctx, in, options...)
	if err != nil {
		return nil, err
	}
	for _, message := range out.Messages {
		var ms int64
		if _, err := fmt.Sscan(message.Attributes["SentTimestamp"], &ms); err != nil {
			return nil, err
		}
		message.Attributes["SentTimestamp"] = fmt.Sprint(time.UnixMilli(ms).Add(s.ahead).UnixMilli())
	}
	return out, nil
}

// A task that fails again while a redrive runs is counted as Later, and left for the
// next one.
func TestRedriveCountsLettersSentSinceItBegan(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks("tests.a")
		config := onlyDefault()
		config.Rate = 1
		config.Reason = func(string) bool {
			if g.buried == 1 {
				time.Sleep(3 * time.Second)
				g.buryTasks("tests.b")
			}
			return true
		}
		report := g.redrive(config)
		require.Equal(g, sqsx.RedriveCount{Moved: 1, Later: 1}, report.Count())
		require.Contains(g, report.String(), "1 moved, 1 sent since it began")
		require.Zero(g, report.ClockAhead)
		g.requireDead(1)
	})
}

func TestRedriveOfABadApplication(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for _, config := range []sqsx.RedriveConfig{{}, {Copy: true}} {
			_, err := sqsx.Redrive(g.Context(), g.client, "dev-myap", config)
			require.EqualError(g, err, `sqsx: redrive: queue TASKHAWK-DEV-MYAP-HIGH-PRIORITY does not exist in this account and region: `+
				`create it, for example with sqsx.Provision; none of the queues of "dev-myap" is found: check the application's name, account and region`)
			_, err = sqsx.Redrive(g.Context(), g.client, "https://sqs.us-east-1.amazonaws.com/000000000000/TASKHAWK-DEV-MYAPP", config)
			require.ErrorContains(g, err, "a URL or ARN where the application's name is expected")
			config.Account = "111122223333"
			_, err = sqsx.Redrive(g.Context(), g.client, app, config)
			require.ErrorContains(g, err, "does not exist in account 111122223333")
			config.Account = "1111"
			_, err = sqsx.Redrive(g.Context(), g.client, app, config)
			require.ErrorContains(g, err, "12 digits")
		}
	})
}

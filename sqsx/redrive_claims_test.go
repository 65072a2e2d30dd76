package sqsx_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestRedriveKeepsTheRateWhenItCopies(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{1, 3, 10, 50} {
		inGraveyard(t, func(g *graveyard) {
			g.buryMany(100)
			began := time.Now()
			config := onlyDefault()
			config.Copy, config.Rate = true, rate
			require.Equal(g, 100, g.redrive(config).Total())
			took := time.Since(began) - time.Second // the empty poll at the end
			least := time.Duration(100-min(rate, 10)) * time.Second / time.Duration(rate)
			require.InDelta(g, least, took, float64(time.Second), "at %d a second", rate)
			require.GreaterOrEqual(g, took, least)
		})
	}
}

// A pass that takes long looks at each letter once, and asks SQS for longer and longer claims.
func TestRedriveHoldsLettersThroughALongPass(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 50 {
			g.buryTasks("tests.b")
		}
		g.buryMany(900)
		report := g.redrive(sqsx.RedriveConfig{Tasks: []string{"tests.a"}, Rate: 1, Priorities: []taskhawk.Priority{taskhawk.Default}})
		require.Equal(g, sqsx.RedriveCount{Moved: 900, Skipped: 50}, report.Count())
		for _, letter := range g.server.Queue(deadLettersOf(taskhawk.Default)).Messages {
			require.Equal(g, 1, letter.Receives)
		}
		g.requireDead(50)
		require.Less(g, g.server.Requests(sqstest.OpChangeMessageVisibilityBatch), 60, "a quarter of an hour, 5 batches")
		require.Empty(g, g.server.ClientErrors())
	})
}

// SQS keeps no message from others for more than twelve hours. What comes back then is known.
func TestRedriveEndsThoughClaimsEndAfterTwelveHours(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 10 {
			g.buryTasks("tests.b")
		}
		g.buryMany(750)
		began := time.Now()
		report := g.redrive(sqsx.RedriveConfig{
			Tasks: []string{"tests.a"}, Rate: 1, Priorities: []taskhawk.Priority{taskhawk.Default},
			Reason: func(string) bool { time.Sleep(time.Minute); return true },
		})
		require.Greater(g, time.Since(began), sqsx.MaxVisibility)
		require.Equal(g, sqsx.RedriveCount{Moved: 750, Skipped: 10}, report.Count())
		require.Equal(g, 2, g.server.Queue(deadLettersOf(taskhawk.Default)).Messages[0].Receives)
		g.requireDead(10)
		require.Empty(g, g.server.ClientErrors())
	})
}

// Claims that cannot be extended end, and the pass ends all the same.
func TestRedriveThatCannotExtendItsClaims(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 25 {
			g.buryTasks("tests.b")
		}
		g.buryMany(600)
		g.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.Error("AccessDenied", "not authorized")})
		report := g.redrive(sqsx.RedriveConfig{Tasks: []string{"tests.a"}, Rate: 2, Priorities: []taskhawk.Priority{taskhawk.Default}})
		require.Equal(g, sqsx.RedriveCount{Moved: 600, Skipped: 25}, report.Count())
		time.Sleep(2 * time.Minute)
		g.requireDead(25)
	})
}

// A filter that takes longer than the claims: what others may have by then is not moved.
func TestRedriveDoesNotMoveWhatItHoldsNoLonger(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(2)
		config := onlyDefault()
		config.Reason = func(string) bool { time.Sleep(2 * time.Minute); return true }
		report, err := sqsx.Redrive(g.Context(), g.client, app, config)
		require.ErrorContains(g, err, "became visible to others before it could be moved (2 failures)")
		require.Equal(g, sqsx.RedriveCount{Failed: 2}, report.Count())
		g.requireBack(0)
		g.requireDead(2)
	})
}

func TestRedriveGivesLettersBackWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 30 {
			g.buryTasks("tests.b")
		}
		g.buryMany(30)
		ctx, cancel := context.WithTimeout(g.Context(), 10*time.Second)
		defer cancel()
		report, err := sqsx.Redrive(ctx, g.client, app, sqsx.RedriveConfig{Tasks: []string{"tests.a"}, Rate: 1})
		require.ErrorIs(g, err, context.DeadlineExceeded)
		require.InDelta(g, 10, report.Total(), 1)
		g.requireBack(report.Total())
		g.requireDead(60 - report.Total())
	})
}

// The endpoint falls silent in the middle of a batch, and the operator gives up.
func TestRedriveReturnsWithinAMinuteWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{sqstest.OpReceiveMessage, sqstest.OpSendMessageBatch, sqstest.OpDeleteMessageBatch} {
		inGraveyard(t, func(g *graveyard) {
			for range 20 {
				g.buryTasks("tests.b")
			}
			g.buryMany(20)
			silent := false
			g.server.Inject(sqstest.Fault{Do: sqstest.Silence(), If: func(r sqstest.Request) bool {
				silent = silent || r.Operation == operation && r.Queue != "" && g.server.Requests(sqstest.OpReceiveMessage) > 3
				return silent
			}})
			ctx, cancel := context.WithTimeout(g.Context(), 5*time.Second)
			defer cancel()
			config := onlyDefault()
			config.Tasks, config.Rate = []string{"tests.a"}, 5
			began := time.Now()
			_, err := sqsx.Redrive(ctx, g.client, app, config)
			require.ErrorIs(g, err, context.DeadlineExceeded, operation)
			require.Less(g, time.Since(began)-5*time.Second, time.Minute, operation)
			require.True(g, silent, operation)
		})
	}
}

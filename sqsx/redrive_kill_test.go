package sqsx_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

const (
	wanted   = 12 // letters that the redrives of this file move, in two batches
	unwanted = 5
)

// A cut is the end of a redrive at its n-th request to SQS, before or after SQS has done
// it.
type cut struct {
	n      int
	after  bool
	calls  int
	reason string // what the n-th request was
	do     func() // what happens there
	dead   bool   // no request reaches SQS any more
}

func (c *cut) String() string {
	return fmt.Sprintf("request %d (%s), after it was done: %v", c.n, c.reason, c.after)
}

// through counts a request, and makes the cut.
func (c *cut) through(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	if c.dead {
		return nil, syscall.ECONNREFUSED
	}
	if c.calls++; c.calls != c.n {
		return next.RoundTrip(r)
	}
	_, c.reason, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !c.after {
		c.do()
	}
	if c.dead {
		return nil, syscall.ECONNREFUSED
	}
	response, err := next.RoundTrip(r)
	if c.after {
		c.do()
	}
	if c.dead {
		return nil, syscall.ECONNRESET
	}
	return response, err
}

// fill puts letters of two kinds on the dead-letter queue.
func (g *graveyard) fill() {
	for range unwanted {
		g.buryTasks("tests.other")
	}
	for range wanted {
		g.buryTasks("tests.wanted")
	}
}

// copies counts the wanted letters by body on the dead-letter queue and on their own.
func (g *graveyard) copies() (dead, back map[string]int) {
	dead, back = map[string]int{}, map[string]int{}
	for _, body := range g.bodies(deadLettersOf(taskhawk.Default)) {
		if strings.Contains(body, "tests.wanted") {
			dead[body]++
		}
	}
	for _, body := range g.bodies(queueOf(taskhawk.Default)) {
		back[body]++
	}
	return dead, back
}

// doubled counts the letters that are on both queues, and checks that each is on one at
// least.
func (g *graveyard) doubled(c *cut) int {
	g.Helper()
	dead, back := g.copies()
	both := 0
	for body := range dead {
		both += back[body]
		delete(back, body)
	}
	require.Equal(g, wanted, len(dead)+len(back), "lost by %s", c)
	return both
}

// eachCut runs a redrive once for every request that it makes, cut there.
func eachCut(t *testing.T, run func(g *graveyard, c *cut, config sqsx.RedriveConfig)) {
	t.Helper()
	config := sqsx.RedriveConfig{Tasks: []string{"tests.wanted"}, Priorities: []taskhawk.Priority{taskhawk.Default}}
	for n := 1; ; n++ {
		c := &cut{}
		for _, after := range []bool{false, true} {
			c = &cut{n: n, after: after}
			synctest.Test(t, func(t *testing.T) {
				g := newGraveyard(t, sqsx.ProvisionConfig{})
				g.fill()
				run(g, c, config)
			})
		}
		if c.calls < n {
			require.Greater(t, n, 9, "two look-ups, and at least receive, send, delete, twice, and the giving back")
			return
		}
	}
}

// A process killed at any point loses no message. It leaves copies only if it was cut
// off between store and delete.
func TestRedriveKilledAtAnyPointLosesNothing(t *testing.T) {
	t.Parallel()
	eachCut(t, func(g *graveyard, c *cut, config sqsx.RedriveConfig) {
		c.do = func() { c.dead = true }
		_, err := sqsx.Redrive(g.Context(), g.clientThrough(c.through), app, config)
		if c.calls < c.n {
			require.NoError(g, err)
			return
		}
		allowed := 0
		if c.reason == "SendMessageBatch" && c.after || c.reason == "DeleteMessageBatch" && !c.after {
			allowed = 10
		}
		both := g.doubled(c)
		require.LessOrEqual(g, both, allowed, "copies by %s", c)

		time.Sleep(3 * time.Minute) // the leases of the dead process end
		_, err = sqsx.Redrive(g.Context(), g.client, app, config)
		require.NoError(g, err)
		dead, back := g.copies()
		require.Empty(g, dead, "after %s", c)
		require.Len(g, back, wanted)
		total := 0
		for _, n := range back {
			require.LessOrEqual(g, n, 2)
			total += n
		}
		require.Equal(g, wanted+both, total, "copies that %s does not explain", c)
		g.requireDead(unwanted)
	})
}

// A redrive whose context ends finishes the batch: no message is on both queues, and all
// are visible again at once.
func TestRedriveCancelledAtAnyPointLeavesNoCopies(t *testing.T) {
	t.Parallel()
	eachCut(t, func(g *graveyard, c *cut, config sqsx.RedriveConfig) {
		ctx, cancel := context.WithCancel(g.Context())
		defer cancel()
		c.do = cancel
		began := time.Now()
		report, err := sqsx.Redrive(ctx, g.clientThrough(c.through), app, config)
		if err != nil {
			require.ErrorIs(g, err, context.Canceled, "%s", c)
		}
		require.Less(g, time.Since(began), 3*time.Second, "%s", c)
		require.Zero(g, g.doubled(c), "copies by %s", c)
		dead, back := g.copies()
		require.Equal(g, len(back), report.Total(), "%s", c)
		if c.reason == "ReceiveMessage" && c.after {
			return // SQS keeps what it gave to a caller that was gone
		}
		g.requireDead(unwanted + len(dead))
	})
}

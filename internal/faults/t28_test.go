package faults_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// deadly are the ways in which a handler can end its process, and what the process leaves in its output.
func deadly() map[command]string {
	return map[command]string{toPanic: "panic: ", toExit: "", toOverflow: "stack overflow", toBeKilled: ""}
}

func TestT28HandlerEndsTheProcess(t *testing.T) {
	t.Parallel()
	for order, trace := range deadly() {
		t.Run(string(order), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{
				What: "a handler ends the process", Loopback: true, Provision: sqsx.ProvisionConfig{MaxReceiveCount: poisonTries},
			})
			dieAndRestart(r, order, trace)
		})
	}
}

// poisonTries is how often a task is received before it is a dead letter.
const poisonTries = 3

// dieAndRestart runs 20 good tasks beside one that ends the process, as a supervisor would: again each time that it ends.
func dieAndRestart(r *rig, order command, trace string) {
	r.Helper()
	const good = 20
	var lives atomic.Int32
	c := r.conduct(func(ctx context.Context, n int) command {
		if n >= 0 {
			return toSucceed
		}
		// The first time it dies among good ones. These have come twice then at most: a dead letter is one that ends its process.
		if succeedAfter(ctx, 200*time.Millisecond); lives.Add(1) > 1 {
			r.until(ctx, func() bool { return r.left() == 1 })
		}
		return order
	})
	poison := r.dispatch(-1)
	r.fill(good)
	child := childConfig{Concurrency: 4, Prefetch: 4, Grace: time.Second, Visibility: 4 * time.Second}
	deaths := 0
	for {
		p := r.spawn(c, child)
		r.await(2*time.Minute, "the process dies, or all is done", func() bool { return !p.outlives(0) || r.left() == 0 })
		if r.left() == 0 {
			code, _ := p.terminate(10 * time.Second)
			require.Zero(r, code, p.output)
			break
		}
		deaths++
		require.NotZero(r, p.wait(10*time.Second))
		require.Contains(r, p.output.String(), trace)
	}
	require.Equal(r, poisonTries, deaths, "the task is received as often as the redrive policy allows")
	letters := r.letters(taskhawk.Default)
	require.Len(r, letters, 1)
	require.Contains(r, letters[0].Body, poison)
	require.Equal(r, good, r.server.Ledger().Audit().Deleted)
	r.Check(want{Duplicates: (poisonTries) * (child.Concurrency + child.Prefetch), Stranded: 8, Dead: 1})
}

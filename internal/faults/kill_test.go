package faults_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// topUp keeps so many tasks on the queue that no worker runs out of them before it is
// killed.
func (r *env) topUp(tasks int) {
	r.Helper()
	if left := r.left(); left < tasks {
		r.fill(tasks - left)
	}
}

// unsettled are those of the tasks that are not deleted.
func (r *env) unsettled(begun map[string]bool) []string {
	deleted := r.server.Ledger().Keys(sqstest.Deleted)
	return slices.DeleteFunc(slices.Collect(maps.Keys(begun)), func(id string) bool { return deleted[id] > 0 })
}

func TestT26SIGKILLAtARandomInstant(t *testing.T) {
	t.Parallel()
	const lifetime, takes = 900 * time.Millisecond, 40 * time.Millisecond
	kills := sized(15, 200)
	child := childConfig{Concurrency: 8, Prefetch: 10, Grace: 5 * time.Second, Visibility: 10 * time.Second}
	r := newEnv(t, setup{
		What: "SIGKILL at a random instant, and restart", Loopback: true,
		// Each kill counts as a receive of all that the process held.
		Provision: sqsx.ProvisionConfig{MaxReceiveCount: 1000},
	})
	r.server.LimitLedger(1 << 20)
	c := r.conduct(func(ctx context.Context, _ int) command { return succeedAfter(ctx, rand.N(takes)) })

	most, sum := 0, 0
	for range kills {
		r.topUp(500)
		p := r.spawn(c, child)
		require.True(r, p.outlives(rand.N(lifetime)), "ended by itself:\n%s", p.output)
		p.kill()
		c.awaitKilled()
		unsettled := len(r.unsettled(c.take()))
		most, sum = max(most, unsettled), sum+unsettled
	}
	const settling = 100 // beside the handlers
	require.LessOrEqual(r, most, child.Concurrency+settling, "tasks that one kill makes run again")

	p := r.spawn(c, child)
	r.drain(3 * time.Minute)
	code, _ := p.terminate(time.Minute)
	require.Zero(r, code, p.output)
	require.LessOrEqual(r, r.record.duplicates(), sum, "each run that was not the first is one that a kill cut off")
	r.notef("%d kills, %d runs, %d tasks to run again, at most %d of one kill, and %.1f in the mean", kills, r.record.total(), sum, most,
		float64(sum)/float64(kills))
	// What a process holds of the queue; no more than a few live and die within a
	// visibility timeout.
	held := child.Concurrency + child.Prefetch + settling
	r.Check(want{Duplicates: kills * held, Stranded: kills * held})
	require.Zero(r, r.server.Queue(queueName(taskhawk.Default)).InFlight)
}

// deadly are the ways in which a handler can end its process, and what the process leaves
// in its output.
func deadly() map[command]string {
	return map[command]string{toPanic: "panic: ", toExit: "", toOverflow: "stack overflow", toBeKilled: ""}
}

func TestT28HandlerEndsTheProcess(t *testing.T) {
	t.Parallel()
	for order, trace := range deadly() {
		t.Run(string(order), func(t *testing.T) {
			t.Parallel()
			r := newEnv(t, setup{
				What: "a handler ends the process", Loopback: true, Provision: sqsx.ProvisionConfig{MaxReceiveCount: poisonTries},
			})
			dieAndRestart(r, order, trace)
		})
	}
}

// poisonTries is how often a task is received before it is a dead letter.
const poisonTries = 3

// dieAndRestart runs 20 good tasks beside one that ends the process, as a supervisor
// would: again each time that it ends.
func dieAndRestart(r *env, order command, trace string) {
	r.Helper()
	const good = 20
	var lives atomic.Int32
	c := r.conduct(func(ctx context.Context, n int) command {
		if n >= 0 {
			return toSucceed
		}
		// The first time it dies among good ones. These have come twice then at most: a
		// dead letter is one that ends its process.
		if succeedAfter(ctx, 200*time.Millisecond); lives.Add(1) > 1 {
			r.until(ctx, func() bool { return r.left() == 1 })
		}
		return order
	})
	poison := r.dispatch(-1)
	r.fill(good)
	child := childConfig{Concurrency: 4, Prefetch: 4, Grace: time.Second, Visibility: 6 * time.Second}
	deaths := 0
	for {
		p := r.spawn(c, child)
		r.await(2*time.Minute, "the process dies, or all is done", func() bool { return !p.outlives(0) || r.left() == 0 })
		if r.left() == 0 {
			code, _ := p.terminate(time.Minute)
			require.Zero(r, code, p.output)
			break
		}
		deaths++
		require.NotZero(r, p.wait(time.Minute))
		require.Contains(r, p.output.String(), trace)
	}
	require.Equal(r, poisonTries, deaths, "the task is received as often as the redrive policy allows")
	letters := r.letters(taskhawk.Default)
	require.Len(r, letters, 1)
	require.Contains(r, letters[0].Body, poison)
	require.Equal(r, good, r.server.Ledger().Audit().Deleted)
	r.Check(want{Duplicates: (poisonTries) * (child.Concurrency + child.Prefetch), Stranded: 8, Dead: 1})
}

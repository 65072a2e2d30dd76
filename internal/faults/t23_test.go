package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// grown is how many handlers a worker process runs at once in these tests.
const grown = 10

// signalled is a rig with a worker process that runs as many handlers as it may.
func signalled(t *testing.T, what string, child childConfig, decide func(ctx context.Context, n int) command) (*rig, *conductor, *process) {
	t.Helper()
	r := newRig(t, setup{What: what, Loopback: true})
	c := r.conduct(decide)
	r.fill(grown)
	child.Concurrency, child.Prefetch, child.Visibility = grown, grown, 30*time.Second
	p := r.spawn(c, child)
	r.await(time.Minute, "handlers run", func() bool { return c.started() == grown })
	return r, c, p
}

// finish runs what is left in another process, and judges the run.
func (r *rig) finish(c *conductor, expected want) {
	r.Helper()
	c.decide = func(context.Context, int) command { return toSucceed }
	p := r.spawn(c, childConfig{Concurrency: grown, Prefetch: grown, Grace: time.Second, Visibility: 30 * time.Second})
	r.drain(time.Minute)
	code, _ := p.terminate(10 * time.Second)
	require.Zero(r, code, p.output)
	r.Check(expected)
}

func TestT23SIGTERMInTheMiddleOfHandlers(t *testing.T) {
	t.Parallel()
	const grace, quick = 2 * time.Second, 5
	stopping := make(chan struct{})
	r, c, p := signalled(t, "SIGTERM while 10 handlers run, 5 of which end in time", childConfig{Grace: grace},
		func(ctx context.Context, n int) command {
			<-stopping
			if n < quick {
				return succeedAfter(ctx, grace/2)
			}
			<-ctx.Done()
			return toFail
		})
	close(stopping)
	code, took := p.terminate(20 * time.Second)
	require.Zero(r, code, p.output)
	require.LessOrEqual(r, took, grace+time.Second+p.late)
	require.GreaterOrEqual(r, took, grace, "handlers have the grace period")

	queue := r.server.Queue(queueName(0))
	require.Equal(r, grown-quick, queue.Visible, "released: others can have them at once")
	require.Zero(r, queue.InFlight)
	require.Equal(r, quick, r.server.Ledger().Audit().Deleted)
	r.finish(c, want{Duplicates: grown - quick})
	require.Equal(r, grown+grown-quick, r.book.total())
}

package faults_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestT24SecondSIGTERM(t *testing.T) {
	t.Parallel()
	r, c, p := signalled(t, "a second SIGTERM ends the grace period", childConfig{Grace: time.Hour},
		func(ctx context.Context, _ int) command {
			<-ctx.Done()
			return toFail
		})
	p.signal(syscall.SIGTERM)
	require.True(r, p.outlives(500*time.Millisecond), "the grace period goes on")
	require.Equal(r, grown, c.now(), "and no handler is cancelled")
	code, took := p.terminate(20 * time.Second)
	require.Zero(r, code, p.output)
	require.LessOrEqual(r, took, time.Second+p.late)
	r.awaitReleased()
	r.finish(c, want{Duplicates: grown})
}

// awaitReleased waits until nothing is in flight any more, which takes a second after a stop that cut a poll off, and far less than
// the visibility timeout.
func (r *rig) awaitReleased() {
	r.Helper()
	r.await(10*time.Second, "all is released", func() bool { return r.server.Queue(queueName(taskhawk.Default)).InFlight == 0 })
}

func TestT24HungHandlersAreNamed(t *testing.T) {
	t.Parallel()
	const grace = time.Second
	r, c, p := signalled(t, "SIGTERM while a handler hangs", childConfig{Grace: grace},
		func(ctx context.Context, n int) command {
			if n == 0 {
				return toHang
			}
			<-ctx.Done()
			return toFail
		})
	code, took := p.terminate(20 * time.Second)
	require.Equal(r, 1, code, "an unclean stop")
	require.LessOrEqual(r, took, grace+time.Second+p.late)
	require.Contains(r, p.output.String(), "1 handlers still running [tests.job]")
	r.awaitReleased()
	r.finish(c, want{Duplicates: grown})
}

func TestT24Misuse(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "Run twice, Abort twice, stop before start"}, func(r *rig) {
		r.fill(10)
		w := r.start(sqsx.WorkerConfig{})
		r.drain(time.Minute)
		for range 3 {
			require.ErrorIs(r, w.Run(r.Context()), taskhawk.ErrWorkerStarted)
		}
		w.cancel()
		for range 3 {
			go w.Abort()
		}
		require.NoError(r, w.wait())
		w.Abort()
		require.ErrorIs(r, w.Run(r.Context()), taskhawk.ErrWorkerStarted, "a stopped one does not start again")

		r.fill(10)
		early, err := sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{})
		require.NoError(r, err)
		early.Abort()
		stopped, cancel := context.WithCancel(r.Context())
		cancel()
		start := time.Now()
		require.NoError(r, early.Run(stopped))
		require.Zero(r, time.Since(start))
		require.ErrorIs(r, early.Run(r.Context()), taskhawk.ErrWorkerStarted)
		r.Check(want{Left: 10})
	})
}

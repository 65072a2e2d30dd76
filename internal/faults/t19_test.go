package faults_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The clocks of program and service are an hour apart, from one moment to the next, and then agree again: requests are refused until
// the SDK has corrected their signatures, which each call has the attempts for. Heartbeats come neither early nor late.
func TestT19ClocksApart(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"an hour ahead": time.Hour, "an hour behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "the clocks of program and service an hour apart", Handle: takes(100 * time.Second)}, func(r *rig) {
				beats := r.watch(sqstest.OpChangeMessageVisibilityBatch)
				w := r.start(sqsx.WorkerConfig{})
				time.Sleep(time.Minute)
				wrong := r.server.Inject(sqstest.Fault{Do: sqstest.ClockSkew(skew)})
				sent := time.Now()
				r.dispatch(0)
				require.LessOrEqual(r, time.Since(sent), 5*time.Second)
				r.drain(3 * time.Minute)
				first := r.book.runTimes(0)[0]
				require.Equal(r, 6, beats.count(""))
				for i, call := range beats.of("") {
					require.WithinDuration(r, first.Add(time.Duration(i+1)*15*time.Second), call.Time, 100*time.Millisecond)
				}

				wrong.Remove()
				r.dispatch(1)
				r.drain(3 * time.Minute)
				w.stop()
				require.Zero(r, w.Stats().LostClaims)
				r.Check(want{})
			})
		})
	}
}

// What the worker counts from carries a monotonic clock reading, so that a jump of the wall clock moves no heartbeat. Not in a bubble,
// whose time has none.
func TestT19MonotonicTimeOverLoopback(t *testing.T) {
	t.Parallel()
	var monotonic atomic.Int32
	r := newRig(t, setup{What: "a jump of the wall clock", Loopback: true, Handle: func(ctx context.Context, _ int) error {
		d := taskhawk.DeliveryFrom(ctx)
		for _, moment := range []time.Time{d.Received, d.ClaimEnds} {
			if strings.Contains(moment.String(), " m=") {
				monotonic.Add(1)
			}
		}
		return nil
	}})
	r.dispatch(0)
	w := r.start(sqsx.WorkerConfig{WaitTime: time.Second})
	r.drain(allTimeout)
	w.stop()
	require.EqualValues(r, 2, monotonic.Load())
	r.Check(want{})
}

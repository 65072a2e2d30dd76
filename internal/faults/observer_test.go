package faults_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// brokenTelemetry is an observer, and the end of dispatch middleware, that does the same
// whenever it is called.
type brokenTelemetry struct{ do func() }

func (b brokenTelemetry) Call(ctx context.Context, _ *taskhawk.Call) (context.Context, func(int, error)) {
	b.do()
	return ctx, func(int, error) { b.do() }
}

func (b brokenTelemetry) Settled(context.Context, *taskhawk.Settlement) { b.do() }

func (b brokenTelemetry) dispatch(ctx context.Context, d *taskhawk.Dispatch) (context.Context, func(error)) {
	d.SetHeader("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	return ctx, func(error) { panic("no span") } // a hang would be the dispatch's
}

// Polls, shared requests, heartbeats, settlements and the stop go on beside telemetry
// that panics, ends its goroutine, is slow, or never returns: no task is lost or runs
// twice.
func TestT80BrokenTelemetry(t *testing.T) {
	t.Parallel()
	const quick, slow = 300, 301
	for name, do := range map[string]func(release <-chan struct{}){
		"panics":            func(<-chan struct{}) { panic("no span") },
		"ends":              func(<-chan struct{}) { runtime.Goexit() },
		"blocks a second":   func(<-chan struct{}) { time.Sleep(time.Second) },
		"blocks for ever":   func(release <-chan struct{}) { <-release },
		"panics and blocks": newAlternating(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var release chan struct{} // of the bubble
			s := setup{
				What: "telemetry that panics or blocks",
				Handle: func(_ context.Context, n int) error {
					if n == slow {
						time.Sleep(2 * time.Minute) // four heartbeats at least
					}
					return nil
				},
				Hub: func(config *taskhawk.Config) {
					release = make(chan struct{})
					broken := brokenTelemetry{func() { do(release) }}
					config.Observer, config.DispatchMiddleware = broken, []taskhawk.DispatchMiddleware{broken.dispatch}
				},
			}
			inBubble(t, s, func(r *env) {
				w := r.start(sqsx.WorkerConfig{})
				start := time.Now()
				r.dispatch(slow)
				r.fill(quick)
				r.drain(5 * time.Minute)
				require.Less(r, time.Since(start), 2*time.Minute+30*time.Second)
				w.stop()
				close(release)
				time.Sleep(time.Minute) // until what was late has returned
				r.notef("drained in %s", time.Since(start).Round(time.Second))
				r.Check(want{})
			})
		})
	}
}

// newAlternating panics and blocks in turns.
func newAlternating() func(release <-chan struct{}) {
	var calls atomic.Int64
	return func(<-chan struct{}) {
		if calls.Add(1)%2 == 0 {
			time.Sleep(time.Second)
			return
		}
		panic("no span")
	}
}

package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Tasks at their limit wait in the worker, and on the queue for their turn, when an outage
// ends every lease. The place is free for them when they come again. A stop gives back at
// once what waits.
func TestT64LimitedTasksThroughAnOutageAndAStop(t *testing.T) {
	t.Parallel()
	const tasks, limit, room, length = 60, 2, 20, 10 * time.Second
	for _, outage := range []time.Duration{20 * time.Second, 2 * time.Minute} { // leases are 30 s long
		t.Run(outage.String(), func(t *testing.T) {
			t.Parallel()
			s := setup{
				What: "tasks at their limit, through an outage and a stop", Handle: takes(length),
				Job: []taskhawk.TaskOption{taskhawk.WithMaxConcurrency(limit)},
			}
			inBubble(t, s, func(r *env) {
				r.fill(tasks)
				config := defaultOnly(10)
				config.MaxLimited = room
				w := r.start(config)
				time.Sleep(length / 2)
				require.Equal(r, []int{limit, room}, []int{w.Stats().Running, w.Stats().Limited})
				require.Positive(r, w.Stats().Deferred)
				fault := r.server.Inject(sqstest.Fault{Do: sqstest.Status(http.StatusServiceUnavailable, "")})
				time.Sleep(outage)
				fault.Remove()
				time.Sleep(time.Minute + maxRecovery)
				require.Equal(r, limit, w.Stats().Running, "it goes on")
				require.Equal(r, outage > time.Minute, w.Stats().LostLeases > 0)

				waiting := w.Stats().Limited
				require.Positive(r, waiting)
				require.LessOrEqual(r, w.stop(), sqsx.MaxWaitTime+time.Second)
				require.Zero(r, w.Stats().Limited)
				queue := r.server.Queue(queueName(taskhawk.Default))
				require.GreaterOrEqual(r, len(queue.Messages)-queue.InFlight, waiting, "given back at once")

				again := r.start(config)
				r.drain(3 * time.Hour)
				again.stop()
				require.Equal(r, tasks, r.record.distinct())
				peak, _ := r.record.peakRunning()
				require.Equal(r, limit, peak, "handlers at once")
				require.Empty(r, r.letters(taskhawk.Default))
				r.Check(want{Duplicates: 2 * limit, Stranded: tasks})
			})
		})
	}
}

// A worker is paused, and stops while it is, at once or later: what runs ends, what waits
// is given back, and what came meanwhile is left to the next.
func TestT65PauseThroughAStop(t *testing.T) {
	t.Parallel()
	for _, paused := range []time.Duration{0, time.Millisecond, 10 * time.Second, time.Hour} {
		t.Run(fmt.Sprint(paused), func(t *testing.T) {
			t.Parallel()
			handle := func(ctx context.Context, n int) error {
				if n == 0 {
					time.Sleep(2 * time.Hour)
					return nil
				}
				time.Sleep(10 * time.Second)
				return nil
			}
			inBubble(t, setup{What: "a pause through a stop", Handle: handle}, func(r *env) {
				r.fillAll(10)
				w := r.start(sqsx.WorkerConfig{Concurrency: 6, GracePeriod: 3 * time.Hour, VisibilityTimeout: 10 * time.Minute})
				time.Sleep(time.Second)
				w.Pause()
				time.Sleep(paused)
				before := w.Stats().Received
				r.fillAll(2)
				if paused > sqsx.MaxWaitTime {
					time.Sleep(time.Minute)
					require.Equal(r, before, w.Stats().Received, "no poll is left")
					require.NoError(r, w.Live(time.Minute))
				}
				w.stop()
				require.Zero(r, w.Stats().LostLeases)
				for _, priority := range taskhawk.Priorities() {
					require.Zero(r, r.server.Queue(queueName(priority)).InFlight, "not given back")
				}
				again := r.start(sqsx.WorkerConfig{Concurrency: 4, VisibilityTimeout: 10 * time.Minute})
				again.Pause(taskhawk.High)
				time.Sleep(time.Minute)
				again.Resume()
				r.drain(48 * time.Hour)
				again.stop()
				require.Equal(r, 48, r.record.total(), "each ran once")
				r.Check(want{})
			})
		})
	}
}

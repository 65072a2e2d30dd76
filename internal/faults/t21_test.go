package faults_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// arrival is a task that arrives around the moment of a stop.
type arrival struct {
	after    time.Duration // from a tenth of a second before the stop
	priority taskhawk.Priority
}

// stopPlan is one interleaving of a stop, arrivals and the latency of the service.
type stopPlan struct {
	arrivals    []arrival // in order
	config      sqsx.WorkerConfig
	takes       time.Duration
	before, lag time.Duration // of receives, before and after they are applied
	release     time.Duration // of changes of visibility
}

// early is how long before the stop the first task may arrive.
const early = 100 * time.Millisecond

func drawStop(t *rapid.T) stopPlan {
	millis := func(name string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Millisecond
	}
	plan := stopPlan{
		takes: millis("takes", 2000), before: millis("before", 100), lag: millis("lag", 100), release: millis("release", 100),
		config: sqsx.WorkerConfig{
			Concurrency: rapid.IntRange(1, 6).Draw(t, "concurrency"),
			WaitTime:    time.Duration(rapid.IntRange(1, 20).Draw(t, "wait")) * time.Second,
		},
	}
	for range rapid.IntRange(0, 12).Draw(t, "tasks") {
		plan.arrivals = append(plan.arrivals, arrival{
			after: millis("arrives", 250), priority: rapid.SampledFrom(taskhawk.Priorities()).Draw(t, "priority"),
		})
	}
	slices.SortStableFunc(plan.arrivals, func(a, b arrival) int { return int(a.after - b.after) })
	return plan
}

// Tasks arrive in the very moment of a stop, while polls are on their way there or back: those that run finish, those that were
// fetched and not started are given back, and the stop takes no longer than a poll and a handler.
func TestT21StopWhileMessagesArrive(t *testing.T) {
	t.Parallel()
	released := int64(0)
	checkInBubbles(t, func(draw *rapid.T, b bed) {
		plan := drawStop(draw)
		r := newRig(b, setup{What: "a stop in the moment in which messages arrive", Handle: takes(plan.takes)})
		released += stopAndArrive(r, plan)
	})
	require.Positive(t, released, "no case gave anything back")
}

// stopAndArrive returns how many messages the stop gave back.
func stopAndArrive(r *rig, plan stopPlan) int64 {
	r.Helper()
	r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: sqstest.Delay(plan.before)})
	r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, After: true, Do: sqstest.Delay(plan.lag)})
	r.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.Delay(plan.release)})
	w := r.start(plan.config)
	time.Sleep(time.Second)
	start := time.Now()
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		for n, a := range plan.arrivals {
			time.Sleep(time.Until(start.Add(a.after)))
			_, _ = r.tryDispatch(n, taskhawk.WithPriority(a.priority))
		}
	}()
	time.Sleep(early)
	stopped := time.Now()
	took := w.stop()
	require.LessOrEqual(r, took, plan.config.WaitTime+plan.takes+plan.before+plan.lag+2*plan.release+time.Millisecond)
	for _, priority := range taskhawk.Priorities() {
		require.Zero(r, r.server.Queue(queueName(priority)).InFlight, "in flight on %s", queueName(priority))
	}
	requireReleased(r, stopped, plan.lag+2*plan.release)
	<-arrived
	r.runAll()
	require.Equal(r, len(plan.arrivals), r.book.total())
	r.Check(want{})
	return w.Stats().Released
}

// requireReleased checks that what was fetched and not started is visible again a second after the stop, or after it was fetched,
// latency apart.
func requireReleased(r *rig, stopped time.Time, latency time.Duration) {
	r.Helper()
	fetched := map[string]time.Time{}
	for _, e := range r.server.Ledger().Events() {
		switch e.Kind {
		case sqstest.Received:
			fetched[e.Key] = e.Time
		case sqstest.Started:
			delete(fetched, e.Key)
		case sqstest.Returned:
			since := fetched[e.Key]
			if since.Before(stopped) {
				since = stopped
			}
			require.LessOrEqual(r, e.Time.Sub(since), time.Second+latency)
			delete(fetched, e.Key)
		default:
		}
	}
	require.Empty(r, fetched, "fetched, not started and not given back")
}

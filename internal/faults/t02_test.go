package faults_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// chance makes a fault act on a share of the requests of publisher and worker, by a seed.
func chance(share float64, seed uint64) func(sqstest.Request) bool {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	return func(request sqstest.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(transportOperations(), request.Operation) && random.Float64() < share
	}
}

// latency makes every request take a while, and some take each of the delays more, before or after they are applied.
func (r *rig) latency(seed uint64, delays ...time.Duration) {
	r.server.Inject(sqstest.Fault{Do: sqstest.Delay(50 * time.Millisecond)})
	for i, delay := range delays {
		for side, after := range []bool{false, true} {
			r.server.Inject(sqstest.Fault{If: chance(0.04, seed+uint64(2*i+side)), After: after, Do: sqstest.Delay(delay)})
		}
	}
}

func TestT02Latency(t *testing.T) {
	t.Parallel()
	for name, delays := range map[string][]time.Duration{
		"up to 9 s":  {200 * time.Millisecond, time.Second, 3 * time.Second, 9 * time.Second},
		"up to 30 s": {200 * time.Millisecond, time.Second, 9 * time.Second, 15 * time.Second, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup{
				What:      "latency of 50 ms to 30 s with jitter",
				Handle:    mixedWork(300*time.Millisecond, 3*time.Minute, 5*time.Second),
				Provision: patient(),
			}
			inBubble(t, s, func(r *rig) {
				r.fillAll(50)
				r.latency(uint64(len(delays)), delays...)
				w := r.start(sqsx.WorkerConfig{VisibilityTimeout: 2 * time.Minute})
				r.drain(3 * time.Hour)
				r.server.Heal()
				w.stop()
				require.Equal(r, 50, r.book.distinct())
				// A change whose answer came too late is tried again, when the message may be visible or even deleted.
				r.Check(want{Stranded: 200, Refused: map[string]int{"MessageNotInflight": 20, "InvalidParameterValue": 20}})
			})
		})
	}
}

// A poll is given its wait and ten seconds more: an answer that comes just in time counts, one that comes later does not hold
// the poller up.
func TestT02SlowPolls(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "answers to polls 9 s late, and 11 s late"}, func(r *rig) {
		receives := r.watch(sqstest.OpReceiveMessage)
		late := r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, After: true, Do: sqstest.Delay(9 * time.Second)})
		start := time.Now()
		w := r.start(sqsx.WorkerConfig{})
		time.Sleep(19 * time.Second)
		r.dispatch(1)
		r.await(time.Minute, "the task runs", func() bool { return r.book.runs(1) == 1 })
		require.InDelta(r, 28, r.book.runTimes(1)[0].Sub(start).Seconds(), 0.1)
		for _, health := range w.Health() {
			require.Zero(r, health.Failures)
		}
		late.Remove()

		tooLate := r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, After: true, Do: sqstest.Delay(11 * time.Second)})
		time.Sleep(10 * time.Minute)
		for _, health := range w.Health() {
			require.Positive(r, health.Failures)
		}
		for _, gap := range receives.gaps(queueName(0))[1:] {
			require.GreaterOrEqual(r, gap, 20*time.Second)
			require.LessOrEqual(r, gap, 61*time.Second, "10 s more than the wait, then at most 30 s of backoff")
		}
		tooLate.Remove()
		w.stop()
		r.Check(want{})
	})
}

package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// receiveCounter is a client that counts the receives that are in flight.
type receiveCounter struct {
	sqsx.API

	mu   sync.Mutex
	now  int
	most int
}

// ReceiveMessage is one receive.
func (c *receiveCounter) ReceiveMessage(
	ctx context.Context, in *sqs.ReceiveMessageInput, options ...func(*sqs.Options),
) (*sqs.ReceiveMessageOutput, error) {
	c.add(1)
	defer c.add(-1)
	return c.API.ReceiveMessage(ctx, in, options...)
}

func (c *receiveCounter) add(change int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += change
	c.most = max(c.most, c.now)
}

// inFlight is how many receives are in flight now, and the most there ever were.
func (c *receiveCounter) inFlight() (now, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now, c.most
}

// defaultOnly configures a worker of the default queue with so many slots.
func defaultOnly(concurrency int) sqsx.WorkerConfig {
	return sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}, Concurrency: concurrency}
}

// A worker with a backlog has eight receives in flight when it stops, at any moment of
// their way: what has begun to run is finished, and what they bring is given back at once.
func TestT70StopWithEightReceivesInFlight(t *testing.T) {
	t.Parallel()
	const trip = 40 * time.Millisecond
	for moment := time.Duration(0); moment < 2*trip; moment += trip / 4 {
		t.Run(fmt.Sprint(moment), func(t *testing.T) {
			t.Parallel()
			s := setup{What: "a stop with eight receives in flight", Handle: takes(100 * time.Millisecond)}
			inBubble(t, s, func(r *env) {
				const tasks = 500
				r.fill(tasks)
				r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: sqstest.Delay(trip / 2)})
				r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, After: true, Do: sqstest.Delay(trip / 2)})
				config := defaultOnly(400)
				config.MaxReceives = 8
				receives := &receiveCounter{API: r.client}
				w := r.startWith(receives, config)
				r.await(time.Second, "eight receives are in flight", func() bool {
					now, _ := receives.inFlight()
					return now == 8
				})
				time.Sleep(moment)
				stopped := time.Now()
				require.LessOrEqual(r, w.stop(), trip+100*time.Millisecond)
				now, most := receives.inFlight()
				require.Zero(r, now, "receives that outlive the stop")
				require.Equal(r, 8, most)
				require.Zero(r, r.server.Queue(queueName(taskhawk.Default)).InFlight)
				requireReleased(r, stopped, trip)
				again := r.start(config)
				r.drain(time.Minute)
				again.stop()
				require.Equal(r, tasks, r.record.total())
				r.Check(want{})
			})
		})
	}
}

// Receives come back only after the stop has begun, some even after its grace period. What
// comes in time is given back at once. What was cut off is visible after its visibility
// timeout, and none of it runs before.
func TestT71ReceivesComeBackAfterTheStop(t *testing.T) {
	t.Parallel()
	for name, grace := range map[string]time.Duration{"within the grace period": 25 * time.Second, "after it": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "receives that come back after the stop", Handle: takes(100 * time.Millisecond)}, func(r *env) {
				const tasks, answer = 500, 5 * time.Second
				r.fill(tasks)
				late := r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 8, Times: 1000, After: true, Do: sqstest.Delay(answer)})
				config := defaultOnly(400)
				config.GracePeriod = grace
				receives := &receiveCounter{API: r.client}
				w := r.startWith(receives, config)
				r.await(10*time.Second, "eight receives hang", func() bool {
					now, _ := receives.inFlight()
					return late.Fired() >= 8 && now >= 8
				})
				time.Sleep(time.Second) // no handler runs any more
				ran, cut := r.record.total(), grace < answer
				took := w.stop()
				require.Equal(r, ran, r.record.total(), "tasks started by the stop")
				require.LessOrEqual(r, took, min(grace, answer)+time.Second)
				r.server.Heal()
				inFlight := r.server.Queue(queueName(taskhawk.Default)).InFlight
				if cut {
					require.Positive(r, inFlight)
				} else {
					require.Zero(r, inFlight, "not given back")
				}
				again := r.start(defaultOnly(400))
				r.drain(time.Minute)
				again.stop()
				require.Equal(r, tasks, r.record.total())
				r.Check(want{Stranded: inFlight})
			})
		})
	}
}

// The service fails while the receives of a worker double. Eight that fail together are
// one failure: the next poll comes after the first pause, one at a time, and when all is
// well again the worker is as busy as before.
func TestT72OutageWhileScalingUp(t *testing.T) {
	t.Parallel()
	const outage = 2 * time.Minute
	inBubble(t, setup{What: "an outage in the middle of scaling up", Handle: takes(100 * time.Millisecond)}, func(r *env) {
		const tasks, concurrency = 12_000, 400
		r.fill(tasks)
		slow := sqstest.Delay(50 * time.Millisecond)
		r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: slow})
		watch := r.watch(sqstest.OpReceiveMessage)
		receives := &receiveCounter{API: r.client}
		w := r.startWith(receives, defaultOnly(concurrency))
		scaling := func() bool {
			now, _ := receives.inFlight()
			return now >= 8
		}
		r.await(5*time.Second, "receives double", scaling)
		began := time.Now()
		fault := r.server.Inject(sqstest.Fault{Do: sqstest.Status(http.StatusServiceUnavailable, "")})
		time.Sleep(800 * time.Millisecond)
		now, _ := receives.inFlight()
		require.Zero(r, now, "all have failed, and all wait")
		before := watch.count("")
		time.Sleep(700 * time.Millisecond)
		require.Equal(r, before+1, watch.count(""), "the first pause is a second, for all receives together")
		time.Sleep(outage - time.Since(began))
		require.LessOrEqual(r, watch.between("", began.Add(time.Second), time.Now()), 10)
		fault.Remove()

		healed, ran := time.Now(), r.record.total()
		r.await(maxRecovery, "receives double again", scaling)
		require.LessOrEqual(r, time.Since(healed), maxRecovery)
		time.Sleep(time.Second)
		rate := r.record.total()
		time.Sleep(time.Second)
		rate = r.record.total() - rate
		require.GreaterOrEqual(r, rate, concurrency*9, "tasks a second, of %d", concurrency*10)
		require.Greater(r, r.record.total(), ran)
		r.drain(time.Minute)
		w.stop()
		require.Equal(r, tasks, r.record.total())
		r.Check(want{})
	})
}

// Others hold nearly as many messages as SQS allows in flight, so the worker runs into
// OverLimit for ten minutes: it goes on with what it has under extended leases, asks
// seldom, and works everything off when there is room again.
func TestT73OverLimit(t *testing.T) {
	t.Parallel()
	const room, held = 50, 10 * time.Minute
	limit := sized(1_200, 120_000)
	inBubble(t, setup{What: "OverLimit, at 120,000 in flight in the long form", Handle: takes(time.Minute)}, func(r *env) {
		r.server.LimitInFlight(limit)
		r.server.LimitLedger(40 * limit)
		r.fill(limit + 1_000)
		r.holdByHand(limit-room, held)
		ledger := r.server.Ledger() // a look at the queue would copy it for each receive
		full := r.server.Inject(sqstest.Fault{
			On: sqstest.OpReceiveMessage, Do: sqstest.Error("OverLimit", "too many in flight"),
			If: func(sqstest.Request) bool {
				out := ledger.Count(sqstest.Deleted) + ledger.Count(sqstest.Returned)
				return ledger.Count(sqstest.Received)-out >= limit
			},
		})
		watch := r.watch(sqstest.OpReceiveMessage)
		w := r.start(defaultOnly(400))
		start := time.Now()
		time.Sleep(30 * time.Second)
		require.Equal(r, room, w.Stats().Running)
		require.Positive(r, full.Fired(), "the limit is reached")
		time.Sleep(held - time.Minute)
		polls := watch.between("", start.Add(time.Minute), time.Now())
		r.notef("%d in flight, %d receives in 8 minutes", limit, polls)
		require.GreaterOrEqual(r, r.record.total(), 6*room, "as one is done, there is room for another")
		require.LessOrEqual(r, polls, 8*60, "no tight loop")
		r.drain(time.Duration(limit/400+20) * time.Minute)
		w.stop()
		require.Equal(r, limit+1_000, r.record.total())
		r.Check(want{Stranded: limit})
	})
}

// holdByHand receives so many messages of the default queue, as another program does that
// never finishes them.
func (r *env) holdByHand(messages int, visibility time.Duration) {
	r.Helper()
	in := &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(r.server.Queue(queueName(taskhawk.Default)).URL), VisibilityTimeout: int32(visibility / time.Second),
	}
	for messages > 0 {
		in.MaxNumberOfMessages = int32(min(messages, 10))
		out, err := r.client.ReceiveMessage(r.Context(), in)
		require.NoError(r, err)
		messages -= len(out.Messages)
	}
}

// A queue is full and empty again within every second. Each burst runs at
// once, with filled requests, and the idle queue costs one long poll after it.
func TestT74FullAndEmptyEverySecond(t *testing.T) {
	t.Parallel()
	const burst, handler = 300, 20 * time.Millisecond
	bursts := sized(20, 600)
	inBubble(t, setup{What: "a queue that is full and empty again every second", Handle: takes(handler)}, func(r *env) {
		r.server.LimitLedger(10 * burst * bursts)
		r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: sqstest.Delay(15 * time.Millisecond)})
		receives := r.watch(sqstest.OpReceiveMessage)
		w := r.start(defaultOnly(20))
		start := time.Now()
		for n := range bursts {
			r.fill(burst)
			took := r.drain(time.Second)
			require.LessOrEqual(r, took, 600*time.Millisecond, "burst %d, ideal are 300 ms", n)
			time.Sleep(time.Until(start.Add(time.Duration(n+1) * time.Second)))
		}
		require.Equal(r, burst*bursts, r.record.total())
		perBurst := float64(receives.count("")) / float64(bursts)
		r.notef("%.1f receives a burst of %d", perBurst, burst)
		require.LessOrEqual(r, perBurst, 1.25*burst/10+5)
		idle := receives.count("")
		time.Sleep(time.Minute)
		require.LessOrEqual(r, receives.count("")-idle, 3, "receives of an idle minute")
		w.stop()
		r.Check(want{})
	})
}

// Nine of ten tasks always fail in a worker with a thousand slots: the healthy ones do not
// wait for them, and each of the others runs as often as the queue allows.
func TestT75PoisonFloodOnAThousandSlots(t *testing.T) {
	t.Parallel()
	const tries, slots, takes = 3, 1000, 250 * time.Millisecond
	tasks := sized(3_000, 30_000)
	// The first runs of all, and as many second runs of poison beside them: all of them
	// three times, which the healthy must not wait for, take longer.
	limit := max(10*time.Second, 2*takes*time.Duration(tasks/slots))
	poison := func(n int) bool { return n%10 != 0 }
	handle := func(_ context.Context, n int) error {
		time.Sleep(takes)
		if poison(n) {
			return errFault
		}
		return nil
	}
	s := setup{What: "a flood of poison on a thousand slots", Handle: handle, Provision: sqsx.ProvisionConfig{MaxReceiveCount: tries}}
	inBubble(t, s, func(r *env) {
		r.server.LimitLedger(10 * tries * tasks)
		r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: sqstest.Delay(15 * time.Millisecond)})
		r.fill(tasks)
		w := r.start(defaultOnly(slots))
		healthy := func() (done int) {
			for n := 0; n < tasks; n += 10 {
				done += r.record.runs(n)
			}
			return done
		}
		r.await(limit, "the healthy are done", func() bool { return healthy() == tasks/10 })
		r.drain(10 * time.Minute)
		w.stop()
		require.Len(r, r.letters(taskhawk.Default), tasks*9/10)
		require.Equal(r, tasks/10+tries*tasks*9/10, r.record.total())
		require.Equal(r, tasks/10, healthy())
		r.Check(want{Dead: tasks * 9 / 10})
	})
}

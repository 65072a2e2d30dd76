package faults_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Heartbeats fail for some entries, in ways that may pass: those entries are sent again,
// and no task notices.
func TestT17HeartbeatsFailForSome(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"the service's fault": sqstest.FailEntries("InternalError", false, 1, 4, 7), "no answer": sqstest.OmitEntries(0, 2, 9),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "entries of heartbeats that fail", Handle: takes(100 * time.Second)}, func(r *env) {
				r.fill(10)
				beats := r.watch(sqstest.OpChangeMessageVisibilityBatch)
				fault := r.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, If: every(2), Do: effect})
				w := r.start(sqsx.WorkerConfig{})
				r.drain(2 * time.Minute)
				w.stop()
				require.Positive(r, fault.Fired())
				entries := 0
				for _, call := range beats.of("") {
					entries += call.Entries
				}
				require.Greater(r, entries, 60, "one every 15 s for each, and those sent again")
				require.LessOrEqual(r, entries, 60+3*fault.Fired())
				require.Equal(r, 10, r.record.total())
				require.Zero(r, w.Stats().LostLeases)
				r.Check(want{})
			})
		})
	}
}

// lostHandler runs until its context ends at its first attempt, and notes why; the next
// one succeeds.
type lostHandler struct {
	cause  error
	lostAt time.Time
}

func (h *lostHandler) handle(ctx context.Context, _ int) error {
	if taskhawk.MetadataFrom(ctx).Attempt > 1 {
		return nil
	}
	<-ctx.Done()
	h.cause, h.lostAt = context.Cause(ctx), time.Now()
	return h.cause
}

// The receipt is good no longer, so that the first heartbeat is refused: the handler's
// context ends, nothing is deleted by the old receipt, and the task runs again when its
// visibility timeout is over.
func TestT17LeaseLost(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]sqstest.Fault{
		"another consumer has it": {On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.StaleReceipts()},
		"SQS says not in flight": {
			On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.FailEntries("MessageNotInflight", true),
		},
		"SQS says bad receipt": {
			On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.FailEntries("ReceiptHandleIsInvalid", true),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &lostHandler{}
			inBubble(t, setup{What: "a lease lost while the handler runs", Handle: h.handle}, func(r *env) {
				r.dispatch(0)
				r.server.Inject(fault)
				start := time.Now()
				w := r.start(sqsx.WorkerConfig{})
				r.drain(time.Minute)
				w.stop()
				require.ErrorIs(r, h.cause, taskhawk.ErrVisibilityLost)
				require.InDelta(r, 15, h.lostAt.Sub(start).Seconds(), 0.1, "with the first heartbeat")
				require.InDelta(r, 30, r.record.runTimes(0)[1].Sub(start).Seconds(), 0.1)
				require.EqualValues(r, 1, w.Stats().LostLeases)
				require.Zero(r, r.server.Ledger().Count(sqstest.DeleteIgnored))
				require.Len(r, r.sink.lines("lease lost; message will be delivered again"), 1)
				r.Check(want{Stranded: 1, Refused: map[string]int{"MessageNotInflight": 1}})
			})
		})
	}
}

// Twelve hours after the receive the lease ends, whatever the heartbeats: the handler is
// told in time, and SQS is not asked for what it would refuse.
func TestT17LeasesEndAfterTwelveHours(t *testing.T) {
	t.Parallel()
	for name, visibility := range map[string]time.Duration{"30 s": 30 * time.Second, "5 h": 5 * time.Hour, "12 h": 12 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &lostHandler{}
			inBubble(t, setup{What: "a handler that runs longer than twelve hours", Handle: h.handle}, func(r *env) {
				r.dispatch(0)
				start := time.Now()
				w := r.start(sqsx.WorkerConfig{VisibilityTimeout: visibility})
				time.Sleep(11*time.Hour + 59*time.Minute)
				require.NoError(r, h.cause)
				r.drain(3 * time.Minute)
				w.stop()
				require.ErrorIs(r, h.cause, taskhawk.ErrVisibilityLost)
				require.LessOrEqual(r, h.lostAt.Sub(start), 12*time.Hour)
				require.GreaterOrEqual(r, h.lostAt.Sub(start), 12*time.Hour-30*time.Second)
				require.Equal(r, 2, r.record.runs(0))
				r.Check(want{})
			})
		})
	}
}

// long is a handler that takes its time, and minds its context.
func long(d time.Duration) func(context.Context, int) error {
	return func(ctx context.Context, _ int) error {
		if succeedAfter(ctx, d) == toSucceed {
			return nil
		}
		return context.Cause(ctx)
	}
}

// onlyDefault is a worker on one queue.
func onlyDefault() sqsx.WorkerConfig {
	return sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}}
}

// named gives a client its own name, for by.
func named(accessKey string) func(o *sqs.Options) {
	return func(o *sqs.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(accessKey, canaryKey, canaryToken)
	}
}

// by makes a fault act on the requests of one client.
func by(accessKey string) func(sqstest.Request) bool {
	return func(request sqstest.Request) bool { return request.AccessKeyID == accessKey }
}

func TestT30HandlerOutlastsItsVisibility(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a handler of half an hour, visibility 30 s", Handle: long(30 * time.Minute)}, func(r *env) {
		beats := r.watch(sqstest.OpChangeMessageVisibilityBatch)
		config := onlyDefault()
		config.Concurrency = 20 // whichever of the two workers a task comes to, it starts at once
		w, other := r.start(config), r.start(config)
		r.fill(20)
		require.LessOrEqual(r, r.drain(time.Hour), 31*time.Minute)
		w.stop()
		other.stop()
		require.Equal(r, 20, r.record.total(), "one run each")
		for _, gap := range beats.gaps("") {
			require.Less(r, gap, 30*time.Second)
		}
		r.Check(want{})
	})
}

// outages are the ways in which heartbeats can stop to work, and how long a lease lives
// on.
func outages() map[string]sqstest.Effect {
	return map[string]sqstest.Effect{
		"503":        sqstest.Status(http.StatusServiceUnavailable, ""),
		"silence":    sqstest.Silence(),
		"reset":      sqstest.Reset(),
		"throttled":  sqstest.Error("RequestThrottled", "slow down"),
		"entries":    sqstest.FailEntries("InternalError", false),
		"no answers": sqstest.OmitEntries(),
	}
}

func TestT30HeartbeatsStop(t *testing.T) {
	t.Parallel()
	for name, effect := range outages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lost time.Time
			var cause error
			handle := func(ctx context.Context, n int) error {
				if n == 0 && taskhawk.MetadataFrom(ctx).Attempt == 1 {
					<-ctx.Done()
					lost, cause = time.Now(), context.Cause(ctx)
					time.Sleep(time.Minute) // somebody else is done with it by then
				}
				return nil
			}
			inBubble(t, setup{What: "heartbeats stop to work", Handle: handle}, func(r *env) {
				w := r.startWith(r.newClient(named("CUT-OFF")), onlyDefault())
				r.dispatch(0)
				start := time.Now()
				time.Sleep(20 * time.Second)
				fault := r.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, If: by("CUT-OFF"), Do: effect})
				// It gets no more messages either, or the one that it holds might come
				// back to it.
				r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, If: by("CUT-OFF"), Do: sqstest.Reset()})
				other := r.start(onlyDefault())
				end := start.Add(45 * time.Second) // of the lease: the heartbeat after 15 s worked
				time.Sleep(20 * time.Minute)
				w.stop()
				other.stop()
				require.Positive(r, fault.Fired())
				require.ErrorIs(r, cause, taskhawk.ErrVisibilityLost)
				require.WithinRange(r, lost, end.Add(-time.Second), end.Add(time.Second))
				requireOneDelete(r)
				r.Check(want{Duplicates: 1, Refused: map[string]int{"InternalError": 99}})
			})
		})
	}
}

// An outage, or the limit of SQS, ends the leases of handlers that do not mind their
// context. Their messages come back to the worker: each is held until its handler returns,
// and deleted by the receipt of its second receive, which is its last.
func TestT30MessageComesBackToItsHandler(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		takes  time.Duration
		outage time.Duration
	}{
		"outage":       {10 * time.Minute, 55 * time.Second},
		"twelve hours": {12*time.Hour + 10*time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup{
				What: "a message comes back while its handler runs", Handle: takes(c.takes),
				Provision: sqsx.ProvisionConfig{MaxReceiveCount: 2},
			}
			inBubble(t, s, func(r *env) {
				r.fill(10)
				w := r.start(onlyDefault())
				time.Sleep(5 * time.Second)
				if c.outage > 0 {
					fault := r.server.Inject(sqstest.Fault{Do: sqstest.Status(http.StatusServiceUnavailable, "")})
					time.Sleep(c.outage)
					fault.Remove()
				}
				r.drain(c.takes + time.Minute)
				w.stop()
				ledger := r.server.Ledger()
				require.Equal(r, 20, ledger.Count(sqstest.Received), "twice for each")
				require.Equal(r, 10, ledger.Count(sqstest.Deleted))
				require.Zero(r, ledger.Count(sqstest.DeleteIgnored))
				require.Equal(r, 10, r.record.total(), "one run each")
				stats := w.Stats()
				require.EqualValues(r, 10, stats.LostLeases)
				require.EqualValues(r, 10, stats.Duplicates)
				require.EqualValues(r, 10, stats.Succeeded)
				r.Check(want{Stranded: 10})
			})
		})
	}
}

// requireOneDelete wants the message deleted by the worker that had its lease, and by no dead
// receipt handle.
func requireOneDelete(r *env) {
	r.Helper()
	ledger := r.server.Ledger()
	require.Equal(r, 1, ledger.Count(sqstest.Deleted))
	require.Zero(r, ledger.Count(sqstest.DeleteIgnored))
	require.Equal(r, 1, r.server.Requests(sqstest.OpDeleteMessageBatch))
	require.Equal(r, 2, ledger.Count(sqstest.Received))
}

// Another consumer gets the message although it is held: SQS says so at the next
// heartbeat.
func TestT30LeaseTaken(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "another consumer has the message", Handle: long(10 * time.Minute)}, func(r *env) {
		r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.StaleReceipts()})
		r.dispatch(0)
		w := r.start(sqsx.WorkerConfig{})
		start := time.Now()
		r.await(time.Minute, "the lease is lost", func() bool { return w.Stats().LostLeases == 1 })
		require.LessOrEqual(r, time.Since(start), 16*time.Second, "at the first heartbeat")
		time.Sleep(time.Hour)
		w.stop()
		require.Equal(r, 2, r.record.runs(0))
		require.Zero(r, r.server.Ledger().Count(sqstest.DeleteIgnored))
		r.Check(want{Refused: map[string]int{"MessageNotInflight": 1}})
	})
}

// Twelve hours after its receive SQS takes a message back whatever was asked for.
func TestT30TwelveHours(t *testing.T) {
	t.Parallel()
	handle := func(ctx context.Context, _ int) error {
		if taskhawk.MetadataFrom(ctx).Attempt > 1 {
			return nil
		}
		return long(13*time.Hour)(ctx, 0)
	}
	inBubble(t, setup{What: "a handler of 13 hours", Handle: handle}, func(r *env) {
		config := onlyDefault()
		config.VisibilityTimeout = 10 * time.Minute
		w := r.start(config)
		r.dispatch(0)
		start := time.Now()
		r.await(13*time.Hour, "the lease is lost", func() bool { return w.Stats().LostLeases == 1 })
		require.WithinRange(r, time.Now(), start.Add(12*time.Hour-time.Second), start.Add(12*time.Hour+time.Minute))
		time.Sleep(time.Hour)
		w.stop()
		require.Equal(r, 2, r.record.runs(0))
		require.Len(r, r.sink.lines("lease lost; message will be delivered again"), 1)
		r.Check(want{})
	})
}

// kindsOf are the kinds of the events of a task.
func (r *env) kindsOf(id string) []sqstest.Kind {
	var kinds []sqstest.Kind
	for _, event := range r.server.Ledger().Of(id) {
		kinds = append(kinds, event.Kind)
	}
	return kinds
}

// The first heartbeat begins after 15 s and takes 3 s; handlers end before, in the middle
// of and after it.
func TestT31HeartbeatInFlightWhenTheHandlerReturns(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(map[bool]string{false: "before it is applied", true: "after it is applied"}[after], func(t *testing.T) {
			t.Parallel()
			handle := func(ctx context.Context, n int) error {
				return long(14*time.Second+time.Duration(n)*500*time.Millisecond)(ctx, n)
			}
			inBubble(t, setup{What: "a heartbeat is in flight when the handler returns", Handle: handle}, func(r *env) {
				r.server.Inject(sqstest.Fault{
					On: sqstest.OpChangeMessageVisibilityBatch, After: after, Do: sqstest.Delay(3 * time.Second),
				})
				w := r.start(sqsx.WorkerConfig{Concurrency: 20})
				ids := r.fill(20)
				r.drain(time.Minute)
				w.stop()
				for n, id := range ids {
					kinds := r.kindsOf(id)
					require.Equal(r, sqstest.Deleted, kinds[len(kinds)-1], "task %d: the delete comes last: %s", n, kinds)
				}
				for _, line := range r.sink.lines("") {
					require.LessOrEqual(r, line.Level, slog.LevelInfo, line.Text)
				}
				require.Equal(r, 20, r.record.total())
				r.Check(want{})
			})
		})
	}
}

// The handler asks for a retry in 100 s while a heartbeat is in flight that asks for 30
// s.
func TestT32BackoffAgainstALateHeartbeat(t *testing.T) {
	t.Parallel()
	const retry = 100 * time.Second
	for _, after := range []bool{false, true} {
		t.Run(map[bool]string{false: "before it is applied", true: "after it is applied"}[after], func(t *testing.T) {
			t.Parallel()
			handle := func(ctx context.Context, n int) error {
				if taskhawk.MetadataFrom(ctx).Attempt > 1 {
					return nil
				}
				_ = long(14*time.Second+time.Duration(n)*500*time.Millisecond)(ctx, n)
				return taskhawk.RetryAfter(retry, errFault)
			}
			inBubble(t, setup{What: "a heartbeat is in flight when the handler fails", Handle: handle}, func(r *env) {
				r.server.Inject(sqstest.Fault{
					On: sqstest.OpChangeMessageVisibilityBatch, After: after, Do: sqstest.Delay(3 * time.Second),
				})
				w := r.start(sqsx.WorkerConfig{Concurrency: 20})
				r.fill(20)
				time.Sleep(40 * time.Second)
				settled := time.Now()
				for _, message := range r.server.Queue(queueName(taskhawk.Default)).Messages {
					require.WithinRange(r, message.VisibleAt, settled.Add(retry-30*time.Second), settled.Add(retry))
				}
				r.drain(5 * time.Minute)
				w.stop()
				for n := range 20 {
					times := r.record.runTimes(n)
					require.Len(r, times, 2)
					handled := 14*time.Second + time.Duration(n)*500*time.Millisecond
					require.GreaterOrEqual(r, times[1].Sub(times[0]), handled+retry, "task %d", n)
					require.LessOrEqual(r, times[1].Sub(times[0]), handled+retry+10*time.Second, "task %d", n)
				}
				r.Check(want{})
			})
		})
	}
}

func TestT33ShortAndLongVisibility(t *testing.T) {
	t.Parallel()
	for visibility, takes := range map[time.Duration]time.Duration{
		time.Millisecond: 20 * time.Second, // rounded up to a second
		time.Second:      20 * time.Second,
		2 * time.Second:  20 * time.Second,
		5 * time.Second:  20 * time.Second,
		8 * time.Hour:    11 * time.Hour,
		12 * time.Hour:   11 * time.Hour, // all that SQS gives: there is nothing to extend
	} {
		t.Run(visibility.String(), func(t *testing.T) {
			t.Parallel()
			handle := func(ctx context.Context, n int) error {
				if n == 0 {
					return long(takes)(ctx, n)
				}
				return nil
			}
			inBubble(t, setup{What: "visibility timeouts of 1 s to 12 h", Handle: handle}, func(r *env) {
				beats := r.watch(sqstest.OpChangeMessageVisibilityBatch)
				w := r.start(sqsx.WorkerConfig{
					Priorities: []taskhawk.Priority{taskhawk.Default}, Concurrency: 1, VisibilityTimeout: visibility,
				})
				r.fill(2) // the second waits in the worker, and is held as long
				r.drain(12 * time.Hour)
				w.stop()
				require.Equal(r, 2, r.record.total())
				whole := max(visibility, time.Second)
				beaten := len(beats.of(""))
				require.Equal(r, visibility < takes, beaten > 0)
				require.LessOrEqual(r, beaten, 2*int(2*takes/whole)+2, "heartbeats")
				for _, gap := range beats.gaps("") {
					require.Less(r, gap, whole)
				}
				r.Check(want{})
			})
		})
	}
}

func TestT33VisibilityThatSQSRefuses(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "visibility timeouts out of range"}, func(r *env) {
		for _, visibility := range []time.Duration{-time.Second, 12*time.Hour + 1} {
			_, err := sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{VisibilityTimeout: visibility})
			require.ErrorContains(r, err, "VisibilityTimeout")
		}
		r.Check(want{})
	})
}

func TestT34ManyInFlightAndSlowHeartbeats(t *testing.T) {
	t.Parallel()
	tasks := sized(1000, 5000)
	inBubble(t, setup{What: "thousands in flight, heartbeats of a second", Handle: long(50 * time.Second)}, func(r *env) {
		r.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.Delay(time.Second)})
		r.fill(tasks)
		w := r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}, Concurrency: tasks})
		time.Sleep(40 * time.Second)
		require.Equal(r, tasks, w.Stats().Running, "all run at once")
		r.drain(5 * time.Minute)
		w.stop()
		require.Zero(r, w.Stats().LostLeases)
		require.Equal(r, tasks, r.record.total())
		r.Check(want{})
	})
}

func TestT35PrefetchedMessagesWait(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "concurrency 1, batches of 10, 20 s each", Handle: long(20 * time.Second)}, func(r *env) {
		r.fill(10)
		w := r.start(sqsx.WorkerConfig{Concurrency: 1})
		require.LessOrEqual(r, r.drain(10*time.Minute), 10*20*time.Second+30*time.Second)
		w.stop()
		require.Equal(r, 10, r.record.total())
		require.Zero(r, w.Stats().LostLeases)
		require.Zero(r, r.server.Ledger().Count(sqstest.Returned))
		r.Check(want{})
	})
}

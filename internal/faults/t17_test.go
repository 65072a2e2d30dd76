package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Heartbeats fail for some entries, in ways that may pass: those entries are sent again, and no task notices.
func TestT17HeartbeatsFailForSome(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"the service's fault": sqstest.FailEntries("InternalError", false, 1, 4, 7), "no answer": sqstest.OmitEntries(0, 2, 9),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "entries of heartbeats that fail", Handle: takes(100 * time.Second)}, func(r *rig) {
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
				require.Equal(r, 10, r.book.total())
				require.Zero(r, w.Stats().LostClaims)
				r.Check(want{})
			})
		})
	}
}

// lostHandler runs until its context ends at its first attempt, and notes why; the next one succeeds.
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

// The receipt is good no longer, so that the first heartbeat is refused: the handler's context ends, nothing is deleted by the
// old receipt, and the task runs again when its visibility timeout is over.
func TestT17ClaimLost(t *testing.T) {
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
			inBubble(t, setup{What: "a claim lost while the handler runs", Handle: h.handle}, func(r *rig) {
				r.dispatch(0)
				r.server.Inject(fault)
				start := time.Now()
				w := r.start(sqsx.WorkerConfig{})
				r.drain(time.Minute)
				w.stop()
				require.ErrorIs(r, h.cause, taskhawk.ErrVisibilityLost)
				require.InDelta(r, 15, h.lostAt.Sub(start).Seconds(), 0.1, "with the first heartbeat")
				require.InDelta(r, 30, r.book.runTimes(0)[1].Sub(start).Seconds(), 0.1)
				require.EqualValues(r, 1, w.Stats().LostClaims)
				require.Zero(r, r.server.Ledger().Count(sqstest.DeleteIgnored))
				require.Len(r, r.sink.lines("the claim on a message is lost, it will be delivered again"), 1)
				r.Check(want{Stranded: 1, Refused: map[string]int{"MessageNotInflight": 1}})
			})
		})
	}
}

// Twelve hours after the receive the claim ends, whatever the heartbeats: the handler is told in time, and SQS is not asked for
// what it would refuse.
func TestT17ClaimsEndAfterTwelveHours(t *testing.T) {
	t.Parallel()
	for name, visibility := range map[string]time.Duration{"30 s": 30 * time.Second, "5 h": 5 * time.Hour, "12 h": 12 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &lostHandler{}
			inBubble(t, setup{What: "a handler that runs longer than twelve hours", Handle: h.handle}, func(r *rig) {
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
				require.Equal(r, 2, r.book.runs(0))
				r.Check(want{})
			})
		})
	}
}

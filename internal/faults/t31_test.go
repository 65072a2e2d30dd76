package faults_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// kindsOf are the kinds of the events of a task.
func (r *rig) kindsOf(id string) []sqstest.Kind {
	var kinds []sqstest.Kind
	for _, event := range r.server.Ledger().Of(id) {
		kinds = append(kinds, event.Kind)
	}
	return kinds
}

// The first heartbeat begins after 15 s and takes 3 s; handlers end before, in the middle of and after it.
func TestT31HeartbeatInFlightWhenTheHandlerReturns(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(map[bool]string{false: "before it is applied", true: "after it is applied"}[after], func(t *testing.T) {
			t.Parallel()
			handle := func(ctx context.Context, n int) error {
				return long(14*time.Second+time.Duration(n)*500*time.Millisecond)(ctx, n)
			}
			inBubble(t, setup{What: "a heartbeat is in flight when the handler returns", Handle: handle}, func(r *rig) {
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
					require.Equal(r, slog.LevelDebug, line.Level, line.Text)
				}
				require.Equal(r, 20, r.book.total())
				r.Check(want{})
			})
		})
	}
}

// The handler asks for a retry in 100 s while a heartbeat is in flight that asks for 30 s.
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
			inBubble(t, setup{What: "a heartbeat is in flight when the handler fails", Handle: handle}, func(r *rig) {
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
					times := r.book.runTimes(n)
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

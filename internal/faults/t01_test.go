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

// transportOperations are those that publisher and worker live on.
func transportOperations() []string {
	return []string{
		sqstest.OpSendMessageBatch, sqstest.OpReceiveMessage, sqstest.OpDeleteMessageBatch, sqstest.OpChangeMessageVisibilityBatch,
	}
}

// sides names both sides of a request: before it is applied, and after.
func sides() map[string]bool { return map[string]bool{"before": false, "after": true} }

// mixedWork makes every tenth task fail at first and every seventh outlast its visibility timeout; the others take a moment.
func mixedWork(moment, long, retry time.Duration) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		metadata := taskhawk.MetadataFrom(ctx)
		if n%10 == 0 && metadata.Attempt == 1 {
			return taskhawk.RetryAfter(retry, errFault)
		}
		takes := moment
		if n%7 == 0 {
			takes = long
		}
		timer := time.NewTimer(takes)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// resets breaks every third connection of an operation, and judges the run: each task ran once, or as often as it was stored.
func resets(r *rig, operation string, after bool, config sqsx.WorkerConfig, tasks int, limit time.Duration) {
	r.Helper()
	fault := r.server.Inject(sqstest.Fault{On: operation, If: every(3), After: after, Do: sqstest.Reset()})
	w := r.start(config)
	ids := make([]string, 0, tasks)
	for n := range tasks {
		ids = append(ids, r.dispatch(n, taskhawk.WithPriority(taskhawk.Priorities()[n%4])))
	}
	r.await(limit, "every task has run", func() bool { return r.book.distinct() == tasks })
	r.drain(limit)
	w.stop()
	require.Positive(r, fault.Fired())

	copies := 0
	for _, id := range ids {
		stored := r.server.Ledger().Keys(sqstest.Accepted)[id]
		require.LessOrEqual(r, stored, 3, "copies of a task: one an attempt")
		copies += stored - 1
	}
	lost := operation == sqstest.OpSendMessageBatch && after
	require.Equal(r, lost, copies > 0, "copies come from lost answers only")
	r.Check(want{Duplicates: copies + r.lapses(), Stranded: stranded(operation, after, fault)})
}

// patient are queues that bear with many receives whose answers are lost.
func patient() sqsx.ProvisionConfig { return sqsx.ProvisionConfig{MaxReceiveCount: 100} }

// stranded is how many messages the lost answers to receives may leave in flight: ten each.
func stranded(operation string, after bool, fault *sqstest.Injection) int {
	if operation == sqstest.OpReceiveMessage && after {
		return 10 * fault.Fired()
	}
	return 0
}

func TestT01ConnectionResets(t *testing.T) {
	t.Parallel()
	for _, operation := range transportOperations() {
		for side, after := range sides() {
			t.Run(operation+" "+side, func(t *testing.T) {
				t.Parallel()
				s := setup{
					What:   "connection reset before or after each operation",
					Handle: mixedWork(100*time.Millisecond, 70*time.Second, 5*time.Second), Provision: patient(),
				}
				inBubble(t, s, func(r *rig) {
					resets(r, operation, after, sqsx.WorkerConfig{}, 100, time.Hour)
				})
			})
		}
	}
}

func TestT01ConnectionResetsOverLoopback(t *testing.T) {
	t.Parallel()
	for _, operation := range transportOperations() {
		for side, after := range sides() {
			t.Run(operation+" "+side, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, setup{
					What:      "TCP reset before or after each operation",
					Handle:    mixedWork(10*time.Millisecond, 3500*time.Millisecond, time.Second),
					Provision: patient(), Loopback: true,
				})
				config := sqsx.WorkerConfig{WaitTime: time.Second, VisibilityTimeout: 6 * time.Second}
				resets(r, operation, after, config, 40, 5*time.Minute)
			})
		}
	}
}

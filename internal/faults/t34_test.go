package faults_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestT34ManyInFlightAndSlowHeartbeats(t *testing.T) {
	t.Parallel()
	tasks := sized(1000, 5000)
	inBubble(t, setup{What: "thousands in flight, heartbeats of a second", Handle: long(50 * time.Second)}, func(r *rig) {
		r.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.Delay(time.Second)})
		r.fill(tasks)
		w := r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}, Concurrency: tasks})
		time.Sleep(40 * time.Second)
		require.Equal(r, tasks, w.Stats().Running, "all run at once")
		r.drain(5 * time.Minute)
		w.stop()
		require.Zero(r, w.Stats().LostClaims)
		require.Equal(r, tasks, r.book.total())
		r.Check(want{})
	})
}

func TestT35PrefetchedMessagesWait(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "concurrency 1, batches of 10, 20 s each", Handle: long(20 * time.Second)}, func(r *rig) {
		r.fill(10)
		w := r.start(sqsx.WorkerConfig{Concurrency: 1})
		require.LessOrEqual(r, r.drain(10*time.Minute), 10*20*time.Second+30*time.Second)
		w.stop()
		require.Equal(r, 10, r.book.total())
		require.Zero(r, w.Stats().LostClaims)
		require.Zero(r, r.server.Ledger().Count(sqstest.Returned))
		r.Check(want{})
	})
}

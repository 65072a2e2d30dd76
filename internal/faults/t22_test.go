package faults_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// requireAllDeleted checks that what succeeded is deleted, now.
func (r *rig) requireAllDeleted() {
	r.Helper()
	require.Equal(r, r.server.Ledger().Count(sqstest.Succeeded), r.server.Ledger().Count(sqstest.Deleted))
	require.Equal(r, 7, r.server.Ledger().Count(sqstest.Succeeded))
}

// Seven tasks, too few for a full batch, end within a tenth of a second of the stop, while deletes are slow or fail at first: when
// the stop returns, all are deleted.
func TestT22StopWithDeletesUnderWay(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"quick":       sqstest.Delay(0),
		"slow":        sqstest.Delay(500 * time.Millisecond),
		"unavailable": sqstest.Status(http.StatusServiceUnavailable, ""),
		"reset":       sqstest.Reset(),
	} {
		for _, offset := range []time.Duration{-100 * time.Millisecond, 0, time.Millisecond, 100 * time.Millisecond} {
			t.Run(name+" "+strconv.Itoa(int(offset.Milliseconds())), func(t *testing.T) {
				t.Parallel()
				inBubble(t, setup{What: "a stop while deletes are under way", Handle: takes(time.Second)}, func(r *rig) {
					r.fill(7)
					r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Times: 2, Do: effect})
					w := r.start(sqsx.WorkerConfig{})
					time.Sleep(time.Second + offset)
					w.stop()
					r.requireAllDeleted()
					r.Check(want{})
				})
			})
		}
	}
}

// The grace period ends while deletes are under way: the stop returns in time and says so, and the deletes are not cut off.
func TestT22GraceEndsWhileDeletesAreUnderWay(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a grace period that ends while deletes are under way", Handle: takes(time.Second)}, func(r *rig) {
		r.fill(7)
		r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Do: sqstest.Delay(5 * time.Second)})
		w := r.start(sqsx.WorkerConfig{GracePeriod: time.Second, AbortPolls: true})
		time.Sleep(2 * time.Second)
		start := time.Now()
		w.cancel()
		var late *taskhawk.StopError
		require.ErrorAs(r, w.wait(), &late)
		require.LessOrEqual(r, time.Since(start), 2*time.Second)
		require.Equal(r, 7, late.Settling)
		require.Empty(r, late.Tasks)
		time.Sleep(10 * time.Second)
		r.requireAllDeleted()
		r.Check(want{})
	})
}

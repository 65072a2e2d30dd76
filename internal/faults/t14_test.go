package faults_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// failedDelete is one way for a delete to fail, and what comes of it for ten tasks.
type failedDelete struct {
	fault    sqstest.Fault
	requests int  // of deletes, if all ten are in one batch
	again    bool // the messages come back, and are deleted then without another run
}

func failedDeletes() map[string]failedDelete {
	unavailable := sqstest.Status(http.StatusServiceUnavailable, "")
	return map[string]failedDelete{
		"request, twice":                      {fault: sqstest.Fault{Times: 2, Do: unavailable}, requests: 3},
		"request, three times":                {fault: sqstest.Fault{Times: 3, Do: unavailable}, requests: 4, again: true},
		"request, after it was applied":       {fault: sqstest.Fault{Times: 2, After: true, Do: sqstest.Reset()}, requests: 3},
		"entries, the sender's fault":         {fault: sqstest.Fault{Times: 1, Do: sqstest.FailEntries("InvalidAddress", true)}, requests: 2, again: true},
		"entries, the service's fault":        {fault: sqstest.Fault{Times: 2, Do: sqstest.FailEntries("InternalError", false)}, requests: 3},
		"some entries, the service's fault":   {fault: sqstest.Fault{Times: 2, Do: sqstest.FailEntries("InternalError", false, 1, 4)}, requests: 3},
		"entries, after they were applied":    {fault: sqstest.Fault{Times: 2, After: true, Do: sqstest.FailEntries("InternalError", false)}, requests: 3},
		"entries without an answer":           {fault: sqstest.Fault{Times: 1, Do: sqstest.OmitEntries(0, 9)}, requests: 2},
		"entries without an answer, applied":  {fault: sqstest.Fault{Times: 1, After: true, Do: sqstest.OmitEntries(0, 9)}, requests: 2},
		"entries without an answer, for ever": {fault: sqstest.Fault{Times: 3, Do: sqstest.OmitEntries()}, requests: 4, again: true},
	}
}

// However a delete fails, the task does not run again: it is deleted by another attempt, or when its message comes back.
func TestT14FailingDeletes(t *testing.T) {
	t.Parallel()
	for name, c := range failedDeletes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "deletes that fail", Handle: takes(time.Second)}, func(r *rig) {
				r.fill(10)
				deletes := r.watch(sqstest.OpDeleteMessageBatch)
				c.fault.On = sqstest.OpDeleteMessageBatch
				r.server.Inject(c.fault)
				w := r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}})
				took := r.drain(time.Minute)
				w.stop()
				require.Equal(r, 10, r.book.total(), "each ran once")
				require.GreaterOrEqual(r, deletes.count(""), c.requests)
				require.LessOrEqual(r, deletes.count(""), c.requests+2, "the ten may come in up to three batches")
				require.Equal(r, c.again, took > 5*time.Second)
				require.Equal(r, c.again, w.Stats().AlreadyDone == 10)
				r.Check(want{})
			})
		})
	}
}

// A receipt that is old when it arrives deletes nothing, and SQS does not say so: the task runs again when its visibility timeout is
// over, and is deleted then.
func TestT14OldReceipts(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "deletes by old receipts, which do nothing"}, func(r *rig) {
		r.fill(10)
		r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.StaleReceipts(2, 3)})
		w := r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}})
		r.drain(time.Minute)
		w.stop()
		require.Equal(r, 2, r.server.Ledger().Count(sqstest.DeleteIgnored))
		require.Equal(r, 12, r.book.total())
		r.Check(want{Duplicates: 2, Stranded: 2})
	})
}

// For ten minutes nothing can be deleted while all else works, as when a permission is missing. What is done neither runs again nor
// becomes a dead letter, and is deleted in the end.
func TestT14NoDeletesForTenMinutes(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"unavailable": sqstest.Status(http.StatusServiceUnavailable, ""), "denied": sqstest.Error("AccessDenied", "not allowed"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "no deletes for ten minutes"}, func(r *rig) {
				r.fill(10)
				fault := r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Do: effect})
				w := r.start(sqsx.WorkerConfig{})
				time.Sleep(10 * time.Minute)
				require.Equal(r, 10, r.book.total())
				require.Equal(r, 10, r.left())
				fault.Remove()
				r.drain(10 * time.Minute)
				w.stop()
				require.Equal(r, 10, r.book.total())
				r.Check(want{Stranded: 10})
			})
		})
	}
}

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

// failedDelete is one way for the delete of a message to fail, and what comes of it.
type failedDelete struct {
	fault    sqstest.Fault
	requests int  // of deletes, in all
	again    bool // the message comes back, and is deleted then without another run
}

func failedDeletes() map[string]failedDelete {
	unavailable := sqstest.Status(http.StatusServiceUnavailable, "")
	return map[string]failedDelete{
		"request, twice":                     {fault: sqstest.Fault{Times: 2, Do: unavailable}, requests: 3},
		"request, three times":               {fault: sqstest.Fault{Times: 3, Do: unavailable}, requests: 4, again: true},
		"request, after it was applied":      {fault: sqstest.Fault{Times: 2, After: true, Do: sqstest.Reset()}, requests: 3},
		"entry, the sender's fault":          {fault: sqstest.Fault{Times: 1, Do: sqstest.FailEntries("InvalidAddress", true)}, requests: 2, again: true},
		"entry, the service's fault":         {fault: sqstest.Fault{Times: 2, Do: sqstest.FailEntries("InternalError", false)}, requests: 3},
		"entry, after it was applied":        {fault: sqstest.Fault{Times: 2, After: true, Do: sqstest.FailEntries("InternalError", false)}, requests: 3},
		"entry without an answer":            {fault: sqstest.Fault{Times: 1, Do: sqstest.OmitEntries()}, requests: 2},
		"entry without an answer, applied":   {fault: sqstest.Fault{Times: 1, After: true, Do: sqstest.OmitEntries()}, requests: 2},
		"entry without an answer, each time": {fault: sqstest.Fault{Times: 3, Do: sqstest.OmitEntries()}, requests: 4, again: true},
	}
}

// However a delete fails, the task does not run again: it is deleted by another attempt, or when its message comes back.
func TestT14FailingDeletes(t *testing.T) {
	t.Parallel()
	for name, c := range failedDeletes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "deletes that fail"}, func(r *rig) {
				r.dispatch(0)
				deletes := r.watch(sqstest.OpDeleteMessageBatch)
				c.fault.On = sqstest.OpDeleteMessageBatch
				r.server.Inject(c.fault)
				w := r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}})
				took := r.drain(time.Minute)
				w.stop()
				require.Equal(r, 1, r.book.total())
				require.Equal(r, c.requests, deletes.count(""))
				require.Equal(r, c.again, took > 5*time.Second)
				require.Equal(r, c.again, w.Stats().AlreadyDone == 1)
				r.Check(want{})
			})
		})
	}
}

// Some entries of every second batch fail, in each of the ways.
func TestT14FailingEntriesOfBatches(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"the sender's fault": sqstest.FailEntries("InvalidAddress", true, 0, 3), "without an answer": sqstest.OmitEntries(1, 2),
		"the service's fault": sqstest.FailEntries("InternalError", false, 0, 9),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "entries of deletes that fail", Provision: patient()}, func(r *rig) {
				r.fillAll(50)
				fault := r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, If: every(2), Do: effect})
				w := r.start(sqsx.WorkerConfig{})
				r.drain(2 * time.Hour)
				w.stop()
				require.Positive(r, fault.Fired())
				require.Equal(r, 200, r.book.total())
				r.Check(want{Stranded: 50})
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

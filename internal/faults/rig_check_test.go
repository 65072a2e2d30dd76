package faults_test

import (
	"maps"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// want is what a test expects of the ledger beyond the invariants. The zero value is a run without a trace of the fault: every task
// ran once and is deleted.
type want struct {
	// Duplicates is how many runs there may be, at most, beyond the first of each task and those that a failed run asked for.
	// Each of them must have its cause in the ledger all the same.
	Duplicates int
	// Stranded is how many messages of one queue may be in flight at once, at most, that no worker holds: their receive was
	// lost on its way.
	Stranded int
	// Refused is how often, at most, SQS may have refused a request or an entry of a batch, by code: what the fault made the
	// library ask for. Answers made up by an injected fault do not count.
	Refused map[string]int
	// Left is how many messages are still on their queues, and Dead how many dead letters there are.
	Left, Dead int
}

// Check judges the run by the ledger, after all workers have stopped. These are the invariants:
//
//   - lost: every accepted task was deleted after it succeeded, or is on a queue or a dead-letter queue, and every dispatch that
//     returned nil was accepted
//   - premature: none was deleted before its handler succeeded or asked for the dead-letter queue
//   - unexplained: no task ran more often than it was stored, came back to its queue or was duplicated by a fault
//   - in flight: never more handlers than the concurrency, and never more messages held than that and the prefetch allow
//   - refused: the library asked for nothing that SQS refuses
//   - secrets: none in log lines and errors, no raw line breaks, and nothing long
//
// It writes the figures to the report before it judges, so it is called once, at the end.
func (r *rig) Check(expected want) {
	r.Helper()
	audit := r.server.Ledger().Audit()
	lost := append(r.broken(), audit.Lost...)
	r.report(figures{
		Tasks: audit.Accepted, Runs: audit.Started, Lost: len(lost),
		Explained: r.book.duplicates() - min(len(audit.Unexplained), r.book.duplicates()), Unexplained: len(audit.Unexplained),
	})
	require.True(r, audit.Complete, "the ledger has forgotten events: raise its limit")
	require.Empty(r, lost, "lost tasks")
	require.Empty(r, r.premature(audit), "tasks deleted before they succeeded")
	require.Empty(r, audit.Unexplained, "tasks that ran twice without a cause")
	require.LessOrEqual(r, r.book.duplicates(), expected.Duplicates, "runs of tasks that were done or running")
	require.Equal(r, expected.Left, audit.Left, "messages left")
	require.Equal(r, expected.Dead, audit.Dead, "dead letters")
	r.checkFlight(audit, expected.Stranded)
	r.checkRefused(expected.Refused)
	require.Empty(r, r.sink.leaks(), "log lines and errors that show a secret or have a line break")
}

// broken are the tasks whose dispatch returned nil and that SQS never stored.
func (r *rig) broken() []string {
	promised := r.book.promises()
	for id := range r.server.Ledger().Keys(sqstest.Accepted) {
		delete(promised, id)
	}
	return slices.Sorted(maps.Keys(promised))
}

// lapses are how often, over the loopback, a message that had begun to run came back without its handler having asked for it: on a busy
// machine a process may not get to its heartbeats. In virtual time it does, so there is no excuse.
func (r *rig) lapses() int {
	if r.virtual {
		return 0
	}
	begun, n := map[string]bool{}, 0
	for _, event := range r.server.Ledger().Events() {
		switch {
		case event.Kind == sqstest.Started:
			begun[event.Key] = true
		case event.Kind == sqstest.Returned && begun[event.Key]:
			n++
		}
	}
	return max(0, n-r.book.retries())
}

// premature are the tasks deleted too early: those that went to the dead-letter queue were done with.
func (r *rig) premature(audit sqstest.Audit) []string {
	return slices.DeleteFunc(audit.Premature, r.book.wasBuried)
}

func (r *rig) checkFlight(audit sqstest.Audit, stranded int) {
	r.Helper()
	limits, workers := r.crew.limits()
	require.Zero(r, workers, "workers that still run")
	peak, running := r.book.peakRunning()
	require.Zero(r, running, "handlers that still run")
	require.LessOrEqual(r, peak, limits.running, "handlers at once")
	require.Empty(r, r.crew.over, "messages held at once")
	// To SQS, a message that waits for its retry is in flight too.
	bound := limits.held + stranded + r.book.retries()
	for _, priority := range taskhawk.Priorities() {
		queue := queueName(priority)
		require.LessOrEqual(r, audit.PeakInFlight[queue], bound, "in flight at once on %s", queue)
	}
	require.Zero(r, audit.ParkedPolls, "polls that nobody waits for")
}

func (r *rig) checkRefused(allowed map[string]int) {
	r.Helper()
	for code, times := range r.server.ClientErrors() {
		require.LessOrEqual(r, times, allowed[code], "requests refused with %s", code)
	}
}

package faults_test

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// want is what a test expects of the ledger beyond the invariants. The zero value is a
// run without a trace of the fault: every task ran once and is deleted.
type want struct {
	// Duplicates is how many runs there may be, at most, beyond the first of each task
	// and those that a failed run asked for. Each of them must have its cause in the
	// ledger all the same.
	Duplicates int
	// Stranded is how many messages of one queue may be in flight at once, at most, that
	// no worker holds: their receive was lost on its way.
	Stranded int
	// Refused is how often, at most, SQS may have refused a request or an entry of a
	// batch, by code: what the fault made the library ask for. Answers made up by an
	// injected fault do not count.
	Refused map[string]int
	// Left is how many messages are still on their queues, and Dead how many dead letters
	// there are.
	Left, Dead int
}

// Check judges the run by the ledger, after all workers have stopped. These are the
// invariants:
//
//   - lost: every accepted task was deleted after it succeeded, or is on a queue or a
//     dead-letter queue, and every dispatch that returned nil was accepted
//   - premature: none was deleted before its handler succeeded or asked for the dead-letter queue
//   - unexplained: no task ran more often than it was stored, came back to its queue or
//     was duplicated by a fault
//   - in flight: never more handlers than the concurrency, and never more messages
//     waiting or being settled than may be
//   - refused: the library asked for nothing that SQS refuses
//   - secrets: none in log lines and errors, no raw line breaks, and nothing long
//
// It writes the figures to the report before it judges, so it is called once, at the end.
func (r *env) Check(expected want) {
	r.Helper()
	audit := r.server.Ledger().Audit()
	lost := append(r.broken(), audit.Lost...)
	r.report(figures{
		Tasks: audit.Accepted, Runs: audit.Started, Lost: len(lost),
		Explained: r.record.duplicates() - min(len(audit.Unexplained), r.record.duplicates()), Unexplained: len(audit.Unexplained),
	})
	require.True(r, audit.Complete, "the ledger has forgotten events: raise its limit")
	require.Empty(r, lost, "lost tasks")
	require.Empty(r, r.premature(audit), "tasks deleted before they succeeded")
	require.Empty(r, audit.Unexplained, "tasks that ran twice without a cause")
	require.LessOrEqual(r, r.record.duplicates(), expected.Duplicates, "runs of tasks that were done or running")
	require.Equal(r, expected.Left, audit.Left, "messages left")
	require.Equal(r, expected.Dead, audit.Dead, "dead letters")
	r.checkFlight(audit, expected.Stranded)
	r.checkRefused(expected.Refused)
	require.Empty(r, r.sink.leaks(), "log lines and errors that show a secret or have a line break")
}

// broken are the tasks whose dispatch returned nil and that SQS never stored.
func (r *env) broken() []string {
	promised := r.record.promises()
	for id := range r.server.Ledger().Keys(sqstest.Accepted) {
		delete(promised, id)
	}
	return slices.Sorted(maps.Keys(promised))
}

// lapses are how often, over the loopback, a message that had begun to run came back
// without its handler having asked for it: on a busy machine a process may not get to its
// heartbeats. In virtual time it does, so there is no excuse.
func (r *env) lapses() int {
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
	return max(0, n-r.record.retries())
}

// premature are the tasks deleted too early: those that went to the dead-letter queue
// were done with.
func (r *env) premature(audit sqstest.Audit) []string {
	return slices.DeleteFunc(audit.Premature, r.record.wasBuried)
}

func (r *env) checkFlight(audit sqstest.Audit, stranded int) {
	r.Helper()
	limits, workers := r.workers.limits()
	require.Zero(r, workers, "workers that still run")
	peak, running := r.record.peakRunning()
	require.Zero(r, running, "handlers that still run")
	require.LessOrEqual(r, peak, limits.running, "handlers at once")
	require.Empty(r, r.workers.over, "messages held at once")
	// To SQS, a message that waits for its retry is in flight too.
	bound := limits.held + stranded + r.record.retries()
	for _, priority := range taskhawk.Priorities() {
		queue := queueName(priority)
		require.LessOrEqual(r, audit.PeakInFlight[queue], bound, "in flight at once on %s", queue)
	}
	require.Zero(r, audit.ParkedPolls, "polls that no worker waits for")
}

func (r *env) checkRefused(allowed map[string]int) {
	r.Helper()
	for code, times := range r.server.ClientErrors() {
		require.LessOrEqual(r, times, allowed[code], "requests refused with %s", code)
	}
}

// record keeps what callers and handlers saw, beside the ledger of the server.
type record struct {
	mu       sync.Mutex
	promised map[string]bool     // ids of tasks whose dispatch returned nil
	started  map[string]int      // runs by id
	failed   map[string]int      // runs that asked for another one, by id
	buried   map[string]bool     // ids whose handler said Permanent
	times    map[int][]time.Time // when the runs began, by the number of the task
	running  int
	peak     int
}

func newRecord() *record {
	return &record{
		promised: map[string]bool{}, started: map[string]int{}, failed: map[string]int{}, buried: map[string]bool{},
		times: map[int][]time.Time{},
	}
}

func (b *record) promise(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.promised[id] = true
}

func (b *record) begin(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.started[id]++
	b.running++
	b.peak = max(b.peak, b.running)
}

func (b *record) end(id string, action taskhawk.Action) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	switch action {
	case taskhawk.ActionRetry:
		b.failed[id]++
	case taskhawk.ActionDeadLetter:
		b.buried[id] = true
	case taskhawk.ActionDelete:
	}
}

func (b *record) ran(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.times[n] = append(b.times[n], time.Now())
}

// runs is how often the task with a number ran.
func (b *record) runs(n int) int { return len(b.runTimes(n)) }

// runTimes is when the runs of the task with a number began.
func (b *record) runTimes(n int) []time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.times[n]
}

// distinct is how many numbers ran.
func (b *record) distinct() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.times)
}

// total is how many runs there were.
func (b *record) total() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, runs := range b.started {
		n += runs
	}
	return n
}

// retries is how many runs asked for another one.
func (b *record) retries() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, runs := range b.failed {
		n += runs
	}
	return n
}

// duplicates is how many runs there were beyond the first of each task and those that a
// failed run asked for.
func (b *record) duplicates() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for id, runs := range b.started {
		n += max(0, runs-1-b.failed[id])
	}
	return n
}

// promises are the ids of the tasks whose dispatch returned nil.
func (b *record) promises() map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.promised)
}

// wasBuried reports whether a handler said Permanent about the task.
func (b *record) wasBuried(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buried[id]
}

// peakRunning is the most handlers that ever ran at once, and how many run now.
func (b *record) peakRunning() (peak, now int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peak, b.running
}

// watch keeps the requests of one operation, faulty or not, from when it was made.
type watch struct {
	mu    sync.Mutex
	calls []watched
}

// watched is one request.
type watched struct {
	Time    time.Time
	Queue   string
	Entries int
	Body    string
}

// watch looks on, before all faults that are injected later.
func (r *env) watch(operation string) *watch {
	w := &watch{}
	r.server.Inject(sqstest.Fault{On: operation, Do: sqstest.Delay(0), If: func(request sqstest.Request) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.calls = append(w.calls, watched{
			Time: time.Now(), Queue: request.Queue, Entries: request.Entries, Body: string(request.Body),
		})
		return false
	}})
	return w
}

// of are the requests about a queue, or all for "".
func (w *watch) of(queue string) []watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	var calls []watched
	for _, call := range w.calls {
		if queue == "" || call.Queue == queue {
			calls = append(calls, call)
		}
	}
	return calls
}

// count is how many requests there were about a queue, or in all for "".
func (w *watch) count(queue string) int { return len(w.of(queue)) }

// gaps are the times between the requests about a queue.
func (w *watch) gaps(queue string) []time.Duration {
	var gaps []time.Duration
	calls := w.of(queue)
	for i := 1; i < len(calls); i++ {
		gaps = append(gaps, calls[i].Time.Sub(calls[i-1].Time))
	}
	return gaps
}

// between is how many of the requests about a queue came in a stretch of time.
func (w *watch) between(queue string, from, to time.Time) int {
	n := 0
	for _, call := range w.of(queue) {
		if !call.Time.Before(from) && call.Time.Before(to) {
			n++
		}
	}
	return n
}

// every makes a fault act on each n-th of the requests that it is asked about.
func every(n int) func(sqstest.Request) bool {
	var mu sync.Mutex
	count := 0
	return func(sqstest.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		count++
		return count%n == 0
	}
}

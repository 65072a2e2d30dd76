package sqstest

import (
	"maps"
	"slices"
	"time"
)

// Audit is the account of a test run: what became of every message, and whether
// it was handled as often as it was delivered. Keys are those of Server.KeyBy.
type Audit struct {
	// Complete is false when the ledger had to forget events; the lists may then
	// be wrong.
	Complete bool

	Accepted int // messages stored, without the copies that move tasks made
	Deleted  int // messages deleted
	Left     int // messages still in a queue that is nobody's dead-letter queue
	Dead     int // messages in dead-letter queues

	// Lost are the keys of messages that are gone from all queues and were never
	// deleted: expired, purged, or in a queue that was deleted.
	Lost []string
	// Premature are the keys that were deleted before a Succeeded was noted.
	// It is empty when nothing was ever noted.
	Premature []string

	Started     int      // handler runs noted
	Repeats     int      // of those, second and later runs of a key
	Unexplained []string // keys run more often than they were stored, came back and were duplicated by faults, in sum

	// PeakInFlight is, by queue, the most messages in flight at once.
	PeakInFlight map[string]int
	// ParkedPolls is how many receives are waiting now.
	ParkedPolls int
}

// Audit sums up the ledger and the queues.
func (l *Ledger) Audit() Audit {
	a := l.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle(time.Now())
	audit := Audit{Complete: a.journal.dropped() == 0, ParkedPolls: int(a.parked.Load()), PeakInFlight: map[string]int{}}
	histories := a.journal.histories()
	for _, q := range a.queues {
		audit.PeakInFlight[q.name] = q.peakInFlight
		audit.countLeft(q, a.isDeadLetterQueue(q), histories)
	}
	for _, key := range slices.Sorted(maps.Keys(histories)) {
		audit.add(key, histories[key], a.journal.totals)
	}
	return audit
}

func (audit *Audit) countLeft(q *queue, dead bool, histories map[string]*history) {
	if dead {
		audit.Dead += len(q.messages)
	} else {
		audit.Left += len(q.messages)
	}
	for _, m := range q.messages {
		if h := histories[m.key]; h != nil {
			h.stored = true
		}
	}
}

// add judges one key. Premature means something only if handlers were noted at
// all.
func (audit *Audit) add(key string, h *history, totals map[Kind]int) {
	audit.Accepted += h.counts[Accepted] - h.counts[Redriven]
	audit.Deleted += h.counts[Deleted]
	audit.Started += h.counts[Started]
	audit.Repeats += max(0, h.counts[Started]-1)
	if !h.stored && h.counts[Accepted] > 0 && h.counts[Deleted] == 0 {
		audit.Lost = append(audit.Lost, key)
	}
	if h.premature && totals[Started]+totals[Succeeded] > 0 {
		audit.Premature = append(audit.Premature, key)
	}
	if h.counts[Started] > h.counts[Accepted]+h.counts[Returned]+h.counts[Duplicated] {
		audit.Unexplained = append(audit.Unexplained, key)
	}
}

// history is what the ledger says of one key.
type history struct {
	counts    map[Kind]int
	premature bool // deleted before it succeeded
	stored    bool // a message of this key is in a queue
}

func (j *journal) histories() map[string]*history {
	all := map[string]*history{}
	for _, e := range j.ordered() {
		h := all[e.Key]
		if h == nil {
			h = &history{counts: map[Kind]int{}}
			all[e.Key] = h
		}
		h.counts[e.Kind]++
		if e.Kind == Deleted && h.counts[Succeeded] == 0 {
			h.premature = true
		}
	}
	return all
}

package sqstest

import "time"

// defaultLedgerLimit is how many events the ledger keeps unless LimitLedger
// says otherwise: about 30 MB.
const defaultLedgerLimit = 1 << 18

// journal keeps the latest events, and counts all. The account's lock guards it.
type journal struct {
	limit  int
	events []Event // a ring once it is full
	oldest int     // index of the oldest event
	totals map[Kind]int
}

func (j *journal) add(e Event) {
	if j.totals == nil {
		j.totals = map[Kind]int{}
	}
	j.totals[e.Kind]++
	if len(j.events) < j.limit {
		j.events = append(j.events, e)
		return
	}
	if j.limit == 0 {
		return
	}
	j.events[j.oldest] = e
	j.oldest = (j.oldest + 1) % len(j.events)
}

// ordered are the kept events in the order in which they were recorded.
func (j *journal) ordered() []Event {
	out := make([]Event, 0, len(j.events))
	out = append(out, j.events[j.oldest:]...)
	return append(out, j.events[:j.oldest]...)
}

// dropped is how many events were recorded and are kept no longer.
func (j *journal) dropped() int {
	total := 0
	for _, n := range j.totals {
		total += n
	}
	return total - len(j.events)
}

// resize keeps the latest events that the new limit allows.
func (j *journal) resize(limit int) {
	kept := j.ordered()
	kept = kept[max(0, len(kept)-limit):]
	j.events, j.oldest, j.limit = append([]Event(nil), kept...), 0, limit
}

// record adds an event about a message.
func (a *account) record(kind Kind, q *queue, m *message, at time.Time) {
	a.journal.add(Event{Time: at, Kind: kind, Queue: q.name, MessageID: m.id, Key: m.key, Receives: m.receives})
}

package sqstest

import "time"

// Ledger records what happened to every message.
type Ledger struct {
	events []Event
}

// record adds an event about a message.
func (a *account) record(kind Kind, q *queue, m *message, at time.Time) {
	a.ledger.events = append(a.ledger.events, Event{
		Time: at, Kind: kind, Queue: q.name, MessageID: m.id, Key: m.key, Receives: m.receives,
	})
}

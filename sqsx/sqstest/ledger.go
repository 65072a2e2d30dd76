package sqstest

import (
	"slices"
	"time"
)

// Ledger is the record of what happened to every message, from the server's
// start or the last Reset. It keeps a bounded number of events, the latest; see
// Server.LimitLedger. Its methods can be called concurrently.
type Ledger struct {
	account *account
}

// Ledger returns the server's ledger.
func (s *Server) Ledger() *Ledger { return &Ledger{account: s.account} }

// LimitLedger sets how many events the ledger keeps, the latest: 262,144 if it
// is never called, about 30 MB. With 0 it keeps none, and Count still counts.
func (s *Server) LimitLedger(events int) {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	s.account.journal.resize(max(0, events))
}

// KeyBy sets how the ledger calls a message: by what key makes of its body, for
// the messages accepted from then on. A key that the application gives, such as
// a task id, joins the copies of a message that was sent twice; the default, the
// message id, does not. The function must not call the server.
func (s *Server) KeyBy(key func(body string) string) {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	s.account.keyOf = key
}

// Note records that a test saw a message handled: Started when its handler
// began, Succeeded when it returned without an error. Audit needs both.
func (l *Ledger) Note(kind Kind, key string) {
	l.account.mu.Lock()
	defer l.account.mu.Unlock()
	l.account.journal.add(Event{Time: time.Now(), Kind: kind, Key: key})
}

// Events returns the events by time; those of one instant are in the order in
// which they were recorded.
func (l *Ledger) Events() []Event {
	events := l.recorded()
	slices.SortStableFunc(events, func(a, b Event) int { return a.Time.Compare(b.Time) })
	return events
}

// Of returns the events of one message, given its key or its message id.
func (l *Ledger) Of(key string) []Event {
	return slices.DeleteFunc(l.Events(), func(e Event) bool { return e.Key != key && e.MessageID != key })
}

// Keys counts the events of a kind by key: Keys(sqstest.Accepted) says which
// messages are stored, and how many copies of each.
func (l *Ledger) Keys(kind Kind) map[string]int {
	keys := map[string]int{}
	for _, e := range l.recorded() {
		if e.Kind == kind {
			keys[e.Key]++
		}
	}
	return keys
}

// Count is how many events of a kind were recorded, kept or not.
func (l *Ledger) Count(kind Kind) int {
	a := l.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle(time.Now())
	return a.journal.totals[kind]
}

// Dropped is how many events the ledger had to forget.
func (l *Ledger) Dropped() int {
	l.account.mu.Lock()
	defer l.account.mu.Unlock()
	return l.account.journal.dropped()
}

// Reset forgets all events and counts.
func (l *Ledger) Reset() {
	a := l.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle(time.Now())
	a.journal = journal{limit: a.journal.limit}
}

// recorded are the events in the order in which they were recorded, with all
// that is due made up for.
func (l *Ledger) recorded() []Event {
	a := l.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle(time.Now())
	return a.journal.ordered()
}

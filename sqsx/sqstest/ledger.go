package sqstest

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Ledger is the record of what happened to every message, from the server's start or the
// last Reset. It keeps the latest events, up to a limit; see Server.LimitLedger. Its
// methods can be called concurrently.
type Ledger struct {
	account *account
}

// Ledger returns the server's ledger.
func (s *Server) Ledger() *Ledger { return &Ledger{account: s.account} }

// LimitLedger sets how many events the ledger keeps. Default 262,144, about 30 MB. With 0
// it keeps none, and Count still counts.
func (s *Server) LimitLedger(events int) {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	s.account.journal.resize(max(0, events))
}

// KeyBy sets the function that derives the ledger key of a message from its body, for
// messages accepted from then on. Two copies of one message share a key from the
// application, such as a task id; with the default, the message id, they do not. The
// function must not call the server.
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

// Events returns the events by time; events of the same instant are in recorded order.
func (l *Ledger) Events() []Event {
	events := l.recorded()
	slices.SortStableFunc(events, func(a, b Event) int { return a.Time.Compare(b.Time) })
	return events
}

// Of returns the events of one message, given its key or its message id.
func (l *Ledger) Of(key string) []Event {
	return slices.DeleteFunc(l.Events(), func(e Event) bool { return e.Key != key && e.MessageID != key })
}

// Keys counts the events of a kind by key: Keys(sqstest.Accepted) returns the stored
// messages, and how many copies of each.
func (l *Ledger) Keys(kind Kind) map[string]int {
	keys := map[string]int{}
	for _, e := range l.recorded() {
		if e.Kind == kind {
			keys[e.Key]++
		}
	}
	return keys
}

// Count returns how many events of a kind were recorded, kept or not.
func (l *Ledger) Count(kind Kind) int {
	a := l.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle(time.Now())
	return a.journal.totals[kind]
}

// Dropped returns how many events the ledger no longer keeps.
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

// defaultLedgerLimit is how many events the ledger keeps by default: about 30 MB.
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

// ordered returns the kept events in recorded order.
func (j *journal) ordered() []Event {
	out := make([]Event, 0, len(j.events))
	out = append(out, j.events[j.oldest:]...)
	return append(out, j.events[:j.oldest]...)
}

// dropped returns how many recorded events are no longer kept.
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

// Kind is the kind of an event of a message.
type Kind int

// The kinds of events. Received to Redriven happen to stored messages, Published to
// Discarded to messages of topics. A test notes Started and Succeeded with Ledger.Note.
const (
	Accepted          Kind = iota + 1 // stored by a send, or by a move task under a new id
	Deduplicated                      // sent again within the deduplication interval; not stored
	Received                          // put in flight by a receive
	Returned                          // visible again: its visibility timeout ended without a delete
	VisibilityChanged                 // its visibility timeout was changed while in flight
	Deleted                           // deleted by its latest receipt handle
	DeleteIgnored                     // a stale receipt handle was used to delete it; nothing happened
	DeadLettered                      // moved to the dead-letter queue
	Redriven                          // moved out of a dead-letter queue by a move task, to be accepted anew
	Expired                           // kept for the whole retention period, then dropped
	Purged                            // dropped by PurgeQueue or DeleteQueue
	Duplicated                        // delivered once more by a fault
	Published                         // accepted by a topic
	Invoked                           // handed to a function; once for each attempt
	Discarded                         // given up by a topic for one of its subscriptions, see Event.Reason
	Started                           // noted by a test: its handler began
	Succeeded                         // noted by a test: its handler returned without an error
)

// String returns the name of the kind.
func (k Kind) String() string {
	switch k {
	case Accepted:
		return "Accepted"
	case Deduplicated:
		return "Deduplicated"
	case Received:
		return "Received"
	case Returned:
		return "Returned"
	case VisibilityChanged:
		return "VisibilityChanged"
	case Deleted:
		return "Deleted"
	case DeleteIgnored:
		return "DeleteIgnored"
	case DeadLettered:
		return "DeadLettered"
	case Redriven:
		return "Redriven"
	case Expired:
		return "Expired"
	case Purged:
		return "Purged"
	case Duplicated:
		return "Duplicated"
	case Published:
		return "Published"
	case Invoked:
		return "Invoked"
	case Discarded:
		return "Discarded"
	case Started:
		return "Started"
	case Succeeded:
		return "Succeeded"
	}
	return "Kind(?)"
}

// Event is one entry of the ledger.
type Event struct {
	Time      time.Time // when it took effect; virtual in a testing/synctest bubble
	Kind      Kind      // what happened
	Queue     string    // the queue's name; for a move, the one it left; "" when noted by a test
	Topic     string    // the topic's name; "" for what happens on a queue
	MessageID string    // of SQS, or of SNS where Topic is set; "" when noted by a test
	Key       string    // what Server.Key makes of the body, else the message id
	Reason    string    // why it was discarded
	Receives  int       // how often the message had been received by then, over all queues
}

// Audit sums up a test run: the fate of every message, and whether it was handled as
// often as it was delivered. Server.KeyBy defines the keys.
type Audit struct {
	// Complete is false if the ledger has dropped events; the lists may then be wrong.
	Complete bool

	Accepted int // messages stored, without the copies that move tasks made
	Deleted  int // messages deleted
	Left     int // messages still in a queue other than a dead-letter queue
	Dead     int // messages in dead-letter queues

	// Lost has the keys of messages that are gone from all queues without a delete:
	// expired, purged, or in a queue that was deleted.
	Lost []string
	// Premature has the keys that were deleted before a Succeeded was noted. It is empty
	// if no event was noted.
	Premature []string

	Started     int      // handler runs noted
	Repeats     int      // of those, second and later runs of a key
	Unexplained []string // keys run more often than they were stored, came back and were duplicated by faults, in sum

	// PeakInFlight is the most messages in flight at once, by queue.
	PeakInFlight map[string]int
	// ParkedPolls is the number of receives that wait now.
	ParkedPolls int
}

// Audit sums up the ledger and the queues.
func (l *Ledger) Audit() Audit {
	a := l.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle(time.Now())
	audit := Audit{
		Complete:     a.journal.dropped() == 0,
		ParkedPolls:  int(a.parked.Load()),
		PeakInFlight: map[string]int{},
	}
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

// recorded applies everything due and returns the events in recorded order.
func (l *Ledger) recorded() []Event {
	a := l.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle(time.Now())
	return a.journal.ordered()
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

// add classifies one key. Premature is set only if handlers were noted.
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

// history sums up the events of one key.
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

// tally counts requests and refusals.
type tally struct {
	mu       sync.Mutex
	requests map[string]int // by operation
	refused  map[string]int // by error code
}

func (t *tally) request(operation string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.requests == nil {
		t.requests = map[string]int{}
	}
	t.requests[operation]++
}

func (t *tally) refusal(codes ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused == nil {
		t.refused = map[string]int{}
	}
	for _, code := range codes {
		t.refused[code]++
	}
}

// Requests returns how many requests of an operation reached the server, answered or not:
// srv.Requests(sqstest.OpSendMessage).
func (s *Server) Requests(operation string) int {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	return s.tally.requests[operation]
}

// TotalRequests returns how many requests reached the server.
func (s *Server) TotalRequests() int {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	total := 0
	for _, n := range s.tally.requests {
		total += n
	}
	return total
}

// ClientErrors counts, by error code, the requests that broke a rule of the service:
// requests answered with a status of 400 to 499 that no fault caused. Failed entries of
// batches are counted too. The map is a copy.
func (s *Server) ClientErrors() map[string]int {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	return maps.Clone(s.tally.refused)
}

// ResetCounts sets the counts of requests and of client errors to zero.
func (s *Server) ResetCounts() {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	s.tally.requests, s.tally.refused = nil, nil
}

// Queue is the content of a queue at one instant.
type Queue struct {
	Exists       bool      // false if there is no such queue; the rest is zero then
	Name         string    // as it was asked for
	URL          string    // what CreateQueue and GetQueueUrl return
	ARN          string    // what redrive policies and move tasks name
	Visible      int       // messages that can be received
	InFlight     int       // messages received, neither deleted nor visible again
	Delayed      int       // messages whose delay has not passed
	PeakInFlight int       // the most messages ever in flight at once
	Messages     []Message // in the order in which they were accepted
}

// Message is one stored message.
type Message struct {
	ID             string            // the MessageId
	Body           string            // as it was sent
	Attributes     map[string]string // message attributes: text, or bytes as a string
	GroupID        string            // the MessageGroupId, "" for none
	Receives       int               // over all queues
	SentAt         time.Time         // kept when moved to a dead-letter queue
	VisibleAt      time.Time         // when in flight or delayed: the end of that; else zero
	InFlight       bool              // received, neither deleted nor visible again
	Delayed        bool              // its delay has not passed
	SourceQueueARN string            // for a dead letter: the queue it came from
}

// Queue returns the content of a queue, by name.
func (s *Server) Queue(name string) Queue {
	a := s.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle(time.Now())
	q := a.queues[name]
	if q == nil {
		return Queue{Name: name}
	}
	return q.snapshot()
}

func (q *queue) snapshot() Queue {
	out := Queue{
		Exists:       true,
		Name:         q.name,
		URL:          q.url,
		ARN:          q.arn,
		Visible:      q.counts[visible],
		InFlight:     q.counts[inFlight],
		Delayed:      q.counts[delayed],
		PeakInFlight: q.peakInFlight,
	}
	ordered := slices.SortedFunc(
		maps.Values(q.messages),
		func(a, b *message) int { return cmp.Compare(a.sequence, b.sequence) },
	)
	for _, m := range ordered {
		out.Messages = append(out.Messages, m.snapshot())
	}
	return out
}

func (m *message) snapshot() Message {
	out := Message{
		ID: m.id, Body: m.body, Attributes: map[string]string{}, GroupID: m.groupID, Receives: m.receives,
		SentAt: m.sentAt, InFlight: m.state == inFlight, Delayed: m.state == delayed, SourceQueueARN: m.sourceARN,
	}
	if m.state != visible {
		out.VisibleAt = m.visibleAt
	}
	for name, value := range m.attributes {
		out.Attributes[name] = string(value.bytes())
	}
	return out
}

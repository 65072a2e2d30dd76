package sqstest

import (
	"strings"
	"time"
)

// queue is one queue. The account's lock guards it.
type queue struct {
	id   string // new for each creation, so that old receipt handles are refused
	name string
	url  string
	arn  string
	fifo bool

	settings settings
	redrive  redrivePolicy // parsed from settings
	allow    *allowPolicy  // parsed from settings
	tags     map[string]string
	created  time.Time
	modified time.Time
	purgedAt time.Time

	messages     map[string]*message // by message id
	lanes        map[string]*lane    // by message group
	waiting      timeline
	aging        timeline
	counts       [3]int // messages by state
	peakInFlight int

	deduplication deduplication[message]
	attempts      map[string]attempt // ReceiveRequestAttemptId, FIFO only
	wake          chan struct{}      // closed and replaced when a parked poll should look again
}

func newQueue(name, baseURL string, now time.Time) *queue {
	return &queue{
		id: newID(), name: name, url: baseURL + "/" + accountID + "/" + name, arn: arnPrefix + name,
		fifo: strings.HasSuffix(name, fifoSuffix), created: now, modified: now,
		tags: map[string]string{}, messages: map[string]*message{}, lanes: map[string]*lane{},
		waiting: timeline{kind: waiting}, aging: timeline{kind: aging},
		attempts: map[string]attempt{}, wake: make(chan struct{}),
	}
}

// put stores a message that becomes visible at the given instant, or is
// visible already when that is not after now.
func (q *queue) put(m *message, visibleAt, now time.Time) {
	q.messages[m.id] = m
	q.aging.add(m)
	m.lane = q.laneOf(m)
	m.lane.members++
	if visibleAt.After(now) {
		q.hide(m, delayed, visibleAt)
	} else {
		q.show(m)
	}
	q.signal()
}

// laneOf is the lane a message of q stands in.
func (q *queue) laneOf(m *message) *lane {
	l := q.lanes[m.groupID]
	if l == nil {
		l = newLane(m.groupID)
		q.lanes[m.groupID] = l
	}
	return l
}

// show puts a message that is on no timeline but aging on the ready one.
func (q *queue) show(m *message) {
	m.state = visible
	q.counts[visible]++
	m.lane.ready.add(m)
}

// hide puts a message that is on no timeline but aging on the waiting one.
func (q *queue) hide(m *message, why state, until time.Time) {
	m.state = why
	m.visibleAt = until
	q.counts[why]++
	q.waiting.add(m)
	if why == inFlight {
		m.lane.inFlight++
		q.peakInFlight = max(q.peakInFlight, q.counts[inFlight])
	}
}

// lift takes a message off the ready or the waiting timeline.
func (q *queue) lift(m *message) {
	q.counts[m.state]--
	if m.state == visible {
		m.lane.ready.remove(m)
		return
	}
	q.waiting.remove(m)
	if m.state == inFlight {
		m.lane.inFlight--
	}
}

// take removes a message from the queue altogether.
func (q *queue) take(m *message) {
	q.lift(m)
	q.aging.remove(m)
	delete(q.messages, m.id)
	if m.lane.members--; m.lane.members == 0 {
		delete(q.lanes, m.lane.group)
	}
	q.signal()
}

// next is the visible message that comes first and may be received, or nil:
// the one accepted first, where messages of quiet tenants come before those of
// noisy ones.
func (q *queue) next() *message {
	var first *message
	for _, l := range q.lanes {
		if m := l.head(q.fifo); m != nil && (first == nil || q.before(m, first)) {
			first = m
		}
	}
	return first
}

func (q *queue) before(a, b *message) bool {
	if noisy := q.noisy(a.lane); noisy != q.noisy(b.lane) {
		return !noisy
	}
	return a.sequence < b.sequence
}

// noisy says whether a group of a standard queue is a noisy neighbour: it has at
// least 30 messages in flight, and more than a tenth of all ("Amazon SQS fair
// queues").
func (q *queue) noisy(l *lane) bool {
	return !q.fifo && l.group != "" && l.inFlight >= 30 && l.inFlight*10 > q.counts[inFlight]
}

// signal makes every parked poll of the queue look again.
func (q *queue) signal() {
	close(q.wake)
	q.wake = make(chan struct{})
}

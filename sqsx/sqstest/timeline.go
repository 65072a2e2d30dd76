package sqstest

import "container/heap"

// The timelines of a queue. A message is on the ready or on the waiting one,
// and always on the aging one; its place on each is kept in message.places.
const (
	ready   = iota // visible messages of a lane, in order of acceptance
	waiting        // delayed and in-flight messages, by the instant they become visible
	aging          // all messages, by the instant their retention began
	timelines
)

// timeline is a priority queue of messages from which any one can be removed.
type timeline struct {
	kind     int // ready, waiting or aging
	messages []*message
}

func (t *timeline) add(m *message)    { heap.Push(t, m) }
func (t *timeline) remove(m *message) { heap.Remove(t, m.places[t.kind]) }

// first is the message that comes next, or nil.
func (t *timeline) first() *message {
	if len(t.messages) == 0 {
		return nil
	}
	return t.messages[0]
}

// Len, Less, Swap, Push and Pop serve container/heap.

func (t *timeline) Len() int { return len(t.messages) }

func (t *timeline) Less(i, j int) bool {
	a, b := t.messages[i], t.messages[j]
	switch {
	case t.kind == waiting && !a.visibleAt.Equal(b.visibleAt):
		return a.visibleAt.Before(b.visibleAt)
	case t.kind == aging && !a.retainedSince.Equal(b.retainedSince):
		return a.retainedSince.Before(b.retainedSince)
	}
	return a.sequence < b.sequence
}

func (t *timeline) Swap(i, j int) {
	t.messages[i], t.messages[j] = t.messages[j], t.messages[i]
	t.messages[i].places[t.kind] = i
	t.messages[j].places[t.kind] = j
}

func (t *timeline) Push(x any) {
	m, _ := x.(*message) // nothing else is ever pushed
	m.places[t.kind] = len(t.messages)
	t.messages = append(t.messages, m)
}

func (t *timeline) Pop() any {
	last := len(t.messages) - 1
	m := t.messages[last]
	t.messages[last] = nil
	t.messages = t.messages[:last]
	return m
}

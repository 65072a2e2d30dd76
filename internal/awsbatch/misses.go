package awsbatch

import (
	"sync"
	"time"
)

// MissTTL is how long a miss is known.
const MissTTL = time.Minute

// Misses caches what a look at all queues or topics of an application found, by the name
// of the one that was missing. So a program that keeps dispatching to a missing one does
// not look at all of them each time. The zero value is empty, and safe for concurrent use.
type Misses[V any] struct {
	mu     sync.Mutex
	byName map[string]miss[V]
}

type miss[V any] struct {
	found V
	until time.Time
}

// Get returns what was found when the name was missing, and false if that is not known or
// older than [MissTTL].
func (m *Misses[V]) Get(name string) (found V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last, ok := m.byName[name]
	if !ok || !time.Now().Before(last.until) {
		return found, false
	}
	return last.found, true
}

// Keep stores what was found, unless a miss of that name is known.
func (m *Misses[V]) Keep(name string, found V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Now().Before(m.byName[name].until) {
		return
	}
	if m.byName == nil {
		m.byName = map[string]miss[V]{}
	}
	m.byName[name] = miss[V]{found, time.Now().Add(MissTTL)}
}

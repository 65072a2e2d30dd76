package taskhawk

import "sync"

// ackMemorySize is how many messages are remembered, a few hundred bytes each.
const ackMemorySize = 4096

// ackMemory remembers messages whose handler succeeded and whose delete did not: when they come back they are deleted, not run
// again. It forgets the oldest when it is full.
type ackMemory struct {
	mu    sync.Mutex
	done  map[messageKey]struct{}
	order []messageKey // a ring, next is the oldest once it is full
	next  int
}

func (m *ackMemory) add(key messageKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.done[key]; ok || key.id == "" {
		return
	}
	if m.done == nil {
		m.done = map[messageKey]struct{}{}
	}
	if len(m.order) < ackMemorySize {
		m.order = append(m.order, key)
	} else {
		delete(m.done, m.order[m.next])
		m.order[m.next] = key
		m.next = (m.next + 1) % ackMemorySize
	}
	m.done[key] = struct{}{}
}

func (m *ackMemory) has(key messageKey) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.done[key]
	return ok
}

package taskhawk

import (
	"sync"
	"time"
)

// trouble remembers the groups of an ordered queue whose messages fail. A batch brings the messages behind a failing one along,
// and their receive is counted though they do not run, so that they would become dead letters with it: while there is trouble,
// messages are received one at a time.
type trouble struct {
	mu     sync.Mutex
	groups map[string]time.Time // until when
}

// maxTroubled bounds the memory of it; a queue with so many failing groups is received one at a time anyway.
const maxTroubled = 1024

// add notes that a message of the group failed and comes back within d.
func (t *trouble) add(group string, d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.groups == nil {
		t.groups = map[string]time.Time{}
	}
	if _, ok := t.groups[group]; ok || len(t.groups) < maxTroubled {
		t.groups[group] = time.Now().Add(d)
	}
}

// remove notes that a message of the group is done.
func (t *trouble) remove(group string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.groups, group)
}

// any reports whether a group is in trouble. It forgets those that have not come back: SQS has moved their message.
func (t *trouble) any() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for group, until := range t.groups {
		if now.After(until) {
			delete(t.groups, group)
		}
	}
	return len(t.groups) > 0
}

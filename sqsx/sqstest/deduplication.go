package sqstest

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// deduplicationInterval is how long a FIFO queue or topic remembers a deduplication id,
// from the first message sent with it, deleted or not.
const deduplicationInterval = 5 * time.Minute

// deduplication is the memory of a FIFO queue or topic of what was sent.
type deduplication[M message | publication] struct {
	seen  map[string]*M
	order []remembered // oldest first
}

type remembered struct {
	key   string
	until time.Time
}

// find returns the message that was sent with this key in the last five
// minutes, or nil.
func (d *deduplication[M]) find(key string, now time.Time) *M {
	for len(d.order) > 0 && !d.order[0].until.After(now) {
		delete(d.seen, d.order[0].key)
		d.order = d.order[1:]
	}
	return d.seen[key]
}

func (d *deduplication[M]) remember(key string, m *M, now time.Time) {
	if d.seen == nil {
		d.seen = map[string]*M{}
	}
	d.seen[key] = m
	d.order = append(d.order, remembered{key: key, until: now.Add(deduplicationInterval)})
}

// deduplicationKey is what makes two messages of the queue the same: the id,
// within the group when DeduplicationScope says so.
func (q *queue) deduplicationKey(m *message) string {
	if q.settings["DeduplicationScope"] == "messageGroup" {
		return m.groupID + "\x00" + m.deduplicationID
	}
	return m.deduplicationID
}

// contentID is the deduplication id of content-based deduplication: the SHA-256
// of the body, without the attributes.
func contentID(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

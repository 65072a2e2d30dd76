package awsbatch

import (
	"fmt"
	"strings"
)

// maxID is the length of a group or deduplication id in characters.
const maxID = 128

// Message is what the limits are about.
type Message struct {
	// Body, Group and DeduplicationID are those of the message.
	Body, Group, DeduplicationID string
	// Size is that of body and attributes, in bytes, and MaxSize the limit.
	Size, MaxSize int
	// FIFO tells whether it goes to a FIFO queue or topic.
	FIFO bool
	// Service is "SQS" or "SNS", Target "queue" or "topic".
	Service, Target string
}

// Check returns which field breaks a limit, and how; "" when none does. It shows no value.
func (m *Message) Check() (field, reason string) {
	bad := Forbidden(m.Body)
	switch {
	case m.Body == "":
		return "body", "is empty"
	case m.Size > m.MaxSize:
		return "size", fmt.Sprintf("with attributes is %d bytes, the limit is %d", m.Size, m.MaxSize)
	case bad >= 0:
		return "body", fmt.Sprintf("has a character that %s refuses, at byte %d", m.Service, bad)
	}
	return m.checkIDs()
}

// Deduplication returns the deduplication id to send: on a FIFO queue or topic that of the message, else id, so that a repeat with
// the same id, ours or the caller's, is stored once.
func (m *Message) Deduplication(id string) string {
	if m.FIFO && m.DeduplicationID == "" && ValidID(id) {
		return id
	}
	return m.DeduplicationID
}

func (m *Message) checkIDs() (field, reason string) {
	switch {
	case m.FIFO && m.Group == "":
		return "group", fmt.Sprintf("is missing: a FIFO %s needs one, use taskhawk.WithGroup", m.Target)
	case !m.FIFO && m.DeduplicationID != "":
		return "deduplication id", fmt.Sprintf("is for FIFO %ss only", m.Target)
	case !ValidID(m.Group):
		return "group", wrongID()
	case !ValidID(m.DeduplicationID):
		return "deduplication id", wrongID()
	}
	return "", ""
}

func wrongID() string {
	return fmt.Sprintf("is not up to %d letters, digits and punctuation marks", maxID)
}

// ValidID reports whether the services take id as a group or deduplication id; empty is none.
func ValidID(id string) bool {
	return len(id) <= maxID && strings.IndexFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

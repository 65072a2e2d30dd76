package sqstest

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"time"
)

// state is where a message stands in its queue.
type state int

const (
	visible  state = iota // can be received
	delayed               // sent with a delay that has not passed
	inFlight              // received, its visibility timeout has not passed
)

// message is one stored message.
type message struct {
	id              string
	body            string
	bodyMD5         string
	size            int // bytes of body and attributes
	attributes      map[string]attributeValue
	traceHeader     string
	groupID         string
	deduplicationID string
	key             string // what the ledger calls it: what KeyBy makes of the body, or the id

	sequence      uint64    // order of acceptance, over all queues
	sentAt        time.Time // SentTimestamp; kept when moved to a dead-letter queue
	retainedSince time.Time // the instant the retention period counts from
	sourceARN     string    // the queue it was moved from, for a dead letter

	state           state
	visibleAt       time.Time // when delayed or in flight: the instant that ends
	receives        int       // over all queues: ApproximateReceiveCount
	localReceives   int       // in this queue: what maxReceiveCount is compared with
	firstReceivedAt time.Time
	receivedAt      time.Time // the latest receive, from which the 12 hours count

	lane   *lane
	places [timelines]int
}

// sequenceNumber is the SequenceNumber of a FIFO message: 20 digits that grow.
func (m *message) sequenceNumber() string { return sequenceNumber(m.sequence) }

func sequenceNumber(sequence uint64) string {
	return fmt.Sprintf("%020d", 18_000_000_000_000_000_000+sequence)
}

// systemAttributes are all the message's system attributes.
func (m *message) systemAttributes(fifo bool) map[string]string {
	attributes := map[string]string{
		"SenderId":                         accountID,
		"SentTimestamp":                    milliseconds(m.sentAt),
		"ApproximateReceiveCount":          strconv.Itoa(m.receives),
		"ApproximateFirstReceiveTimestamp": milliseconds(m.firstReceivedAt),
	}
	set := func(name, value string) {
		if value != "" {
			attributes[name] = value
		}
	}
	set("AWSTraceHeader", m.traceHeader)
	set("MessageGroupId", m.groupID)
	set("MessageDeduplicationId", m.deduplicationID)
	set("DeadLetterQueueSourceArn", m.sourceARN)
	if fifo {
		set("SequenceNumber", m.sequenceNumber())
	}
	return attributes
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// newID is a random UUID, version 4.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

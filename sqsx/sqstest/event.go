package sqstest

import "time"

// Kind says what happened to a message.
type Kind int

// What the ledger records. Received to Redriven happen to stored messages,
// Published to Discarded to those of topics;
// Started and Succeeded are noted by a test, with Ledger.Note.
const (
	Accepted          Kind = iota + 1 // stored by a send, or by a move task under a new id
	Deduplicated                      // sent again within the deduplication interval of a FIFO queue or topic, not stored
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

// String is the kind's name.
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

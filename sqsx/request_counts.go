package sqsx

import "sync/atomic"

// Requests counts the requests of one kind.
type Requests struct {
	// Calls is how many requests were made, retries included: what SQS bills, at least.
	Calls int64
	// Messages is how many messages they carried: divided by Calls, how well batches are filled.
	Messages int64
}

// RequestStats counts requests by kind.
type RequestStats struct {
	// Sends are SendMessageBatch.
	Sends Requests
	// Receives are ReceiveMessage.
	Receives Requests
	// EmptyReceives are those of them that brought nothing.
	EmptyReceives int64
	// Damaged are messages that arrived with a body that does not have the MD5 SQS gives for it: left for another delivery.
	Damaged int64
	// Deletes are DeleteMessageBatch.
	Deletes Requests
	// Visibility are ChangeMessageVisibilityBatch: heartbeats, retries and releases.
	Visibility Requests
}

// requestCount is the changing form of Requests.
type requestCount struct{ calls, messages atomic.Int64 }

func (c *requestCount) add(messages int) {
	c.calls.Add(1)
	c.messages.Add(int64(messages))
}

func (c *requestCount) requests() Requests {
	return Requests{Calls: c.calls.Load(), Messages: c.messages.Load()}
}

// requestCounts is the changing form of RequestStats.
type requestCounts struct {
	sends, receives, deletes, changes requestCount
	emptyReceives, damaged            atomic.Int64
}

func (c *requestCounts) stats() RequestStats {
	return RequestStats{
		Sends: c.sends.requests(), Receives: c.receives.requests(), EmptyReceives: c.emptyReceives.Load(), Damaged: c.damaged.Load(),
		Deletes: c.deletes.requests(), Visibility: c.changes.requests(),
	}
}

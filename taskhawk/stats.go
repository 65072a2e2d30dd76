package taskhawk

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// WorkerStats counts what a [Worker] has done since it was made. Counters only grow.
type WorkerStats struct {
	// Running is how many handlers run now: at most Concurrency.
	Running int
	// Waiting is how many messages wait in this worker for a slot now: with those running
	// at most Concurrency, and Prefetch for each queue.
	Waiting int
	// Limited is how many messages wait now because their task is at its
	// [WithMaxConcurrency]. Each such task has at most MaxLimited, and as many again at
	// their last attempt. Messages waiting for a slot are not included.
	Limited int
	// Settling is how many messages are being settled now, after their handlers have
	// returned. It is at most Concurrency, or 100 if that is more. Messages that keep a
	// slot because the service is slow come on top.
	Settling int
	// LongestRun is how long the longest-running handler has run; 0 when none does. A
	// handler that hangs shows here: it keeps its slot until it returns, whatever the
	// timeout of its task, since Go cannot end it.
	LongestRun time.Duration
	// Received counts messages received.
	Received int64
	// Started counts handlers started.
	Started int64
	// Succeeded counts messages deleted because their handler was done with them.
	Succeeded int64
	// Retried counts messages made visible again for a retry, or by their handler, those
	// at their last attempt not included.
	Retried int64
	// Dead counts messages that become dead letters. Permanent sends them to the
	// dead-letter queue. The queue itself moves messages that failed or were given back
	// at their last attempt; these are known if Delivery.MaxAttempts is.
	Dead int64
	// Released counts messages given back unhandled, by a stop or behind a failed message
	// of their group.
	Released int64
	// Deferred counts messages given back because their task was at its
	// [WithMaxConcurrency] and MaxLimited others waited. If it keeps growing, move the
	// task to a separate queue.
	Deferred int64
	// LostLeases counts leases that were lost while this worker held their messages. A
	// message that came back to its running handler may lose another.
	LostLeases int64
	// Duplicates counts deliveries of messages that this worker was holding already. They
	// do not run: the worker goes on with their receipt.
	Duplicates int64
	// AlreadyDone counts deliveries that were not run but deleted, because an earlier
	// delivery had finished the message: its handler was done with it, or its dead letter
	// is stored.
	AlreadyDone int64
	// SettleFailures counts messages that could not be settled, so that they are
	// delivered again. It includes those whose dead letter is stored and that could not
	// be deleted.
	SettleFailures int64
	// Lag is the time from sending to start of the tasks started, delays and retries
	// included, where the transport knows it.
	Lag Lag
}

// Lag sums up durations.
type Lag struct {
	// Count is how many there were.
	Count int64
	// Total is their sum: divide by Count for the mean.
	Total time.Duration
	// Max is the longest.
	Max time.Duration
}

// counters counts for WorkerStats.
type counters struct {
	received, started, succeeded, retried, dead, released, deferred atomic.Int64
	lostLeases, duplicates, alreadyDone, settleFailures             atomic.Int64

	lagCount, lagTotal, lagMax atomic.Int64
}

func (c *counters) start(d *Delivery, now time.Time) {
	c.started.Add(1)
	if d.Sent.IsZero() {
		return
	}
	lag := max(int64(now.Sub(d.Sent)), 0)
	c.lagCount.Add(1)
	c.lagTotal.Add(lag)
	for most := c.lagMax.Load(); lag > most && !c.lagMax.CompareAndSwap(most, lag); most = c.lagMax.Load() {
	}
}

// again counts a message made visible again for a retry.
func (c *counters) again(d *Delivery) {
	if d.lastAttempt() {
		c.dead.Add(1) // the queue moves it itself
		return
	}
	c.retried.Add(1)
}

// Stats returns the counters of the worker. It may be called at any time, concurrently.
func (w *Worker) Stats() WorkerStats {
	c := &w.counters
	running, settling := w.leases.counts()
	return WorkerStats{
		Running:        running,
		Waiting:        w.intake.waits(),
		Limited:        w.limiters.limited(),
		Settling:       settling,
		LongestRun:     w.leases.longest(),
		Received:       c.received.Load(),
		Started:        c.started.Load(),
		Succeeded:      c.succeeded.Load(),
		Retried:        c.retried.Load(),
		Dead:           c.dead.Load(),
		Released:       c.released.Load(),
		Deferred:       c.deferred.Load(),
		LostLeases:     c.lostLeases.Load(),
		Duplicates:     c.duplicates.Load(),
		AlreadyDone:    c.alreadyDone.Load(),
		SettleFailures: c.settleFailures.Load(),
		Lag: Lag{
			Count: c.lagCount.Load(), Total: time.Duration(c.lagTotal.Load()), Max: time.Duration(c.lagMax.Load()),
		},
	}
}

// QueueHealth describes the polls of a queue, for liveness probes.
type QueueHealth struct {
	// Queue is the name of the queue.
	Queue string
	// Priority is its priority.
	Priority Priority
	// Paused reports whether [Worker.Pause] has stopped receives from the queue.
	Paused bool
	// Started is when Run or [Worker.Resume] began to poll the queue; zero before that.
	Started time.Time
	// LastPoll is when a poll last succeeded, with messages or without; zero before the
	// first.
	LastPoll time.Time
	// Age is how long no poll has succeeded, since the later of LastPoll and Started. It
	// is 0 before Run and while the queue is paused. It also grows while a long poll
	// waits and while the worker has no room for messages, so a probe must read Failures
	// too.
	Age time.Duration
	// Failures counts the polls that failed since LastPoll.
	Failures int
	// Err is the error of the last of these polls, nil if there is none.
	Err error
}

// health collects the health of all queues. The Age of its entries is filled in when it
// is read.
type health struct {
	mu     sync.Mutex
	queues []QueueHealth
}

func newHealth(queues []Queue) *health {
	h := &health{queues: make([]QueueHealth, len(queues))}
	for i, queue := range queues {
		info := queue.Info()
		h.queues[i] = QueueHealth{Queue: info.Name, Priority: info.Priority}
	}
	return h
}

// start notes that the queues are polled from now on.
func (h *health) start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for i := range h.queues {
		h.queues[i].Started = now
	}
}

func (h *health) polled(info QueueInfo, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.queues {
		q := &h.queues[i]
		switch {
		case q.Queue != info.Name:
		case err == nil:
			q.LastPoll, q.Failures, q.Err = time.Now(), 0, nil
		default:
			q.Failures++
			q.Err = err
		}
	}
}

// Health describes the polls of each queue. An idle queue is polled at least every wait
// time (20 s on SQS), and a busy worker polls again only when it has room: a probe
// should allow for the longest task. Health may be called at any time, concurrently. The
// slice is the caller's.
func (w *Worker) Health() []QueueHealth {
	w.health.mu.Lock()
	defer w.health.mu.Unlock()
	queues, now := slices.Clone(w.health.queues), time.Now()
	for i := range queues {
		q := &queues[i]
		since := q.LastPoll
		if q.Started.After(since) {
			since = q.Started // a worker just started is not dead, even if its first poll failed
		}
		if !since.IsZero() && !q.Paused {
			q.Age = now.Sub(since)
		}
	}
	return queues
}

// Requests counts the requests of one kind that a transport makes.
type Requests struct {
	// Calls is how many requests were made, retries included: what the service bills, at
	// least.
	Calls int64
	// Messages is how many messages they carried: divided by Calls, how well batches are
	// filled.
	Messages int64
}

// RequestStats counts the requests of a transport by kind. Kinds that a transport lacks
// are zero.
type RequestStats struct {
	// Sends are requests that send or publish: SendMessageBatch of SQS, PublishBatch of
	// SNS.
	Sends Requests
	// Receives are requests that receive: ReceiveMessage.
	Receives Requests
	// EmptyReceives counts the receives that returned no message.
	EmptyReceives int64
	// Damaged counts messages whose body does not match the MD5 from SQS. They are left
	// for another delivery.
	Damaged int64
	// Deletes are requests that delete: DeleteMessageBatch.
	Deletes Requests
	// Visibility are ChangeMessageVisibilityBatch: heartbeats, retries and releases.
	Visibility Requests
}

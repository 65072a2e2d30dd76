package taskhawk

import (
	"slices"
	"sync"
	"time"
)

// QueueHealth says how the polls of a queue fare, for liveness probes.
type QueueHealth struct {
	// Queue is the name of the queue.
	Queue string
	// Priority is its priority.
	Priority Priority
	// LastPoll is when a poll last succeeded, with messages or without; zero before the first.
	LastPoll time.Time
	// Failures counts the polls that failed since then.
	Failures int
	// Err is the error of the last of them, nil when there is none.
	Err error
}

// health collects the health of all queues.
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

// Health tells for each queue when a poll last succeeded. An idle queue is polled at least every wait time (20 s on SQS), a
// busy worker polls again only when it has room: a probe should allow for the longest task. It may be called at any
// time, concurrently. The slice is the caller's.
func (w *Worker) Health() []QueueHealth {
	w.health.mu.Lock()
	defer w.health.mu.Unlock()
	return slices.Clone(w.health.queues)
}

package taskhawktest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// MemoryConfig tunes a [Memory]. The zero value behaves as queues made by sqsx.Provision.
type MemoryConfig struct {
	// VisibilityTimeout is how long a received message stays invisible. Default 30 s.
	VisibilityTimeout time.Duration
	// MaxReceiveCount is how often a message is delivered before it becomes a dead
	// letter. Default 5.
	MaxReceiveCount int
	// WaitTime is how long a poll waits for messages. Default 20 s.
	WaitTime time.Duration
}

// Memory is a transport in memory, with a queue and dead letters for each priority. It
// keeps no goroutines and is safe for concurrent use. It delivers at least once, as SQS
// does, in the order of sending.
type Memory struct {
	queues  map[taskhawk.Priority]*memoryQueue
	removed chan struct{} // has a token when a message has left a queue
}

var _ taskhawk.Publisher = (*Memory)(nil)

// NewMemory makes an empty transport.
func NewMemory(config MemoryConfig) *Memory {
	if config.VisibilityTimeout == 0 {
		config.VisibilityTimeout = 30 * time.Second
	}
	if config.MaxReceiveCount == 0 {
		config.MaxReceiveCount = 5
	}
	if config.WaitTime == 0 {
		config.WaitTime = 20 * time.Second
	}
	m := &Memory{queues: map[taskhawk.Priority]*memoryQueue{}, removed: make(chan struct{}, 1)}
	for _, priority := range taskhawk.Priorities() {
		m.queues[priority] = &memoryQueue{
			config: config, priority: priority, changed: make(chan struct{}), removed: m.notify,
		}
	}
	return m
}

// Publish stores the message.
func (m *Memory) Publish(ctx context.Context, out *taskhawk.Outgoing) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	queue, ok := m.queues[out.Priority]
	if !ok {
		return fmt.Errorf("%w: %s", taskhawk.ErrUnknownPriority, out.Priority)
	}
	queue.add(out)
	return nil
}

// Queues returns the queues of the priorities, all four when none is named, for
// taskhawk.NewWorker.
func (m *Memory) Queues(priorities ...taskhawk.Priority) []taskhawk.Queue {
	if len(priorities) == 0 {
		priorities = taskhawk.Priorities()
	}
	queues := make([]taskhawk.Queue, len(priorities))
	for i, priority := range priorities {
		queues[i] = m.queues[priority]
	}
	return queues
}

// Depth returns how many messages of a priority are on the queue, and how many of these
// are in flight.
func (m *Memory) Depth(priority taskhawk.Priority) (all, inFlight int) {
	q := m.queues[priority]
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire()
	for _, message := range q.messages {
		if message.receipt != "" {
			inFlight++
		}
	}
	return len(q.messages), inFlight
}

// Letter is a message on the dead-letter queue.
type Letter struct {
	taskhawk.DeadLetter
	// Body is the wire JSON.
	Body string
}

// DeadLetters returns the dead letters of a priority, the oldest first. Letters that
// were delivered too often have no reason.
func (m *Memory) DeadLetters(priority taskhawk.Priority) []Letter {
	q := m.queues[priority]
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire()
	return slices.Clone(q.letters)
}

// notify wakes [Memory.wait].
func (m *Memory) notify() {
	select {
	case m.removed <- struct{}{}:
	default: // there is a token
	}
}

// wait waits until all queues are empty, except for dead letters. It reports false if
// ctx ends first. Only one call may run at a time.
func (m *Memory) wait(ctx context.Context) bool {
	for !m.isEmpty() {
		select {
		case <-m.removed:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (m *Memory) isEmpty() bool {
	for priority := range m.queues {
		if all, _ := m.Depth(priority); all > 0 {
			return false
		}
	}
	return true
}

package taskhawk

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The states of a worker, for its probes.
const (
	workerNew int32 = iota
	workerRuns
	workerStops
	workerStopped
)

// DefaultLiveAge is the age that probes allow by default.
const DefaultLiveAge = 10 * time.Minute

var (
	// ErrNotReady is wrapped by the errors of [Worker.Ready].
	ErrNotReady = errors.New("the worker is not ready")
	// ErrNotLive is wrapped by the errors of [Worker.Live].
	ErrNotLive = errors.New("the worker is not live")
)

// Live returns nil while the worker works or may recover by itself. It returns an error
// with the reason if only a restart helps: Run has returned, or every poll of a queue
// has failed for longer than maxAge (0 means 10 minutes). The age counts from Run, so a
// worker that has just started is live. A worker that is paused, or busy for hours
// without a poll, is live too. Live may be called at any time, concurrently.
func (w *Worker) Live(maxAge time.Duration) error {
	if w.state.Load() == workerStopped {
		return fmt.Errorf("%w: it has stopped", ErrNotLive)
	}
	for _, queue := range w.Health() {
		if queue.Failures != 0 && queue.Age > cmp.Or(maxAge, DefaultLiveAge) {
			return fmt.Errorf("%w: no poll of %s has succeeded for %s: %w",
				ErrNotLive, queue.Queue, queue.Age.Round(time.Second), queue.Err)
		}
	}
	return nil
}

// Ready returns nil while the worker takes messages. Otherwise it returns an error with
// the reason: Run has not begun, no poll has succeeded yet, the worker stops, or the
// polls of every queue fail. First polls wait at most a second for messages, so that a
// worker of empty queues is ready then. A paused queue counts as healthy: the pause is
// intended, and the call of Resume must still reach the program. Ready may be called at
// any time, concurrently.
func (w *Worker) Ready() error {
	switch w.state.Load() {
	case workerNew:
		return fmt.Errorf("%w: Run has not begun", ErrNotReady)
	case workerStops, workerStopped:
		return fmt.Errorf("%w: it stops", ErrNotReady)
	}
	health := w.Health()
	works := func(queue QueueHealth) bool {
		return queue.Paused || queue.Failures == 0 && !queue.LastPoll.IsZero()
	}
	if slices.ContainsFunc(health, works) {
		return nil
	}
	for _, queue := range health {
		if queue.Failures != 0 {
			return fmt.Errorf("%w: polls of %s fail: %w", ErrNotReady, queue.Queue, queue.Err)
		}
	}
	return fmt.Errorf("%w: no poll has succeeded yet", ErrNotReady)
}

// RunningTask is a task whose handler runs.
type RunningTask struct {
	// Task and ID identify the message; empty for a moment, until it is read.
	Task, ID string
	// Queue is the name of the queue it came from.
	Queue string
	// Attempt counts the deliveries of the message, from 1.
	Attempt int
	// Since is when the handler began.
	Since time.Time
}

// Running returns the tasks whose handlers run now, the oldest first, for an endpoint of
// the program. It may be called at any time, concurrently. The slice is the caller's.
func (w *Worker) Running() []RunningTask { return w.leases.tasks() }

// tasks returns the running tasks, the oldest first.
func (s *leases) tasks() []RunningTask {
	s.mu.Lock()
	defer s.mu.Unlock()
	var running []RunningTask
	now, passed := time.Now(), s.now()
	for _, l := range s.held {
		if l.running == 0 {
			continue
		}
		d := l.current()
		task := RunningTask{Queue: d.Queue, Attempt: max(d.Attempt, 1), Since: now.Add(l.running - passed)}
		task.Task, task.ID = d.LogAttrs.names()
		running = append(running, task)
	}
	slices.SortFunc(running, func(a, b RunningTask) int { return a.Since.Compare(b.Since) })
	return running
}

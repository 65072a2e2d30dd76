package taskhawk

import "time"

// Pause stops receiving from the queues of these priorities until Resume; without an
// argument, from all queues. It ends no handler. Messages that the worker holds still
// run, and so do messages of a poll in flight, for up to the wait of a poll. A priority
// without a queue is ignored.
//
// It may be called at any time, concurrently, before Run and more than once. A paused
// worker stops like any other.
func (w *Worker) Pause(priorities ...Priority) { w.pause(true, priorities) }

// Resume receives again from the queues of these priorities; without an argument, from
// all queues. Their health is measured from now on, as after Run. It may be called at any
// time, concurrently, and more than once.
func (w *Worker) Resume(priorities ...Priority) { w.pause(false, priorities) }

func (w *Worker) pause(paused bool, priorities []Priority) {
	if len(priorities) == 0 {
		priorities = Priorities()
	}
	for _, priority := range priorities {
		if priority.Valid() {
			w.health.pause(priority, paused)
			w.intake.pause(priority, paused)
		}
	}
}

// pause stops or restarts receives from the queues of a priority.
func (i *intake) pause(priority Priority, paused bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.paused[priority] = paused
	for _, g := range i.all {
		if g.priority == priority {
			g.signal()
		}
	}
}

// pause records that polls have stopped, or that they start again.
func (h *health) pause(priority Priority, paused bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.queues {
		q := &h.queues[i]
		if q.Priority != priority || q.Paused == paused {
			continue
		}
		if q.Paused = paused; !paused && !q.Started.IsZero() {
			q.Started, q.Failures, q.Err = time.Now(), 0, nil
		}
	}
}

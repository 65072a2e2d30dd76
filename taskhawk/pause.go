package taskhawk

import "time"

// Pause stops receiving from the queues of these priorities, of all without an argument,
// until Resume. It ends nothing: what the worker holds runs, and so does what a poll in
// flight still brings, for up to the wait of a poll. A priority that the worker has no
// queue for is passed over.
//
// It may be called at any time, concurrently, before Run and more than once. A stop ends
// a paused worker as any other.
func (w *Worker) Pause(priorities ...Priority) { w.pause(true, priorities) }

// Resume receives again from the queues of these priorities, of all without an argument.
// Their health counts from then, as from Run. It may be called at any time, concurrently,
// and more than once.
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

// pause sets whether anything is received from the queues of a priority.
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

// pause notes that nothing is polled, or that polls begin again.
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

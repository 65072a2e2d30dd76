package sqsx

import "github.com/taskhawk/taskhawk-go/taskhawk"

// Queues returns the queues of a worker, for the conformance suite.
func Queues(w *Worker) []taskhawk.Queue {
	queues := make([]taskhawk.Queue, len(w.queues))
	for i, q := range w.queues {
		queues[i] = q
	}
	return queues
}

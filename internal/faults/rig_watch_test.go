package faults_test

import (
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// watch keeps the requests of one operation, faulty or not, from when it was made.
type watch struct {
	mu    sync.Mutex
	calls []watched
}

// watched is one request.
type watched struct {
	Time    time.Time
	Queue   string
	Entries int
	Body    string
}

// watch looks on, before all faults that are injected later.
func (r *rig) watch(operation string) *watch {
	w := &watch{}
	r.server.Inject(sqstest.Fault{On: operation, Do: sqstest.Delay(0), If: func(request sqstest.Request) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.calls = append(w.calls, watched{
			Time: time.Now(), Queue: request.Queue, Entries: request.Entries, Body: string(request.Body),
		})
		return false
	}})
	return w
}

// of are the requests about a queue, or all for "".
func (w *watch) of(queue string) []watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	var calls []watched
	for _, call := range w.calls {
		if queue == "" || call.Queue == queue {
			calls = append(calls, call)
		}
	}
	return calls
}

// count is how many requests there were about a queue, or in all for "".
func (w *watch) count(queue string) int { return len(w.of(queue)) }

// gaps are the times between the requests about a queue.
func (w *watch) gaps(queue string) []time.Duration {
	var gaps []time.Duration
	calls := w.of(queue)
	for i := 1; i < len(calls); i++ {
		gaps = append(gaps, calls[i].Time.Sub(calls[i-1].Time))
	}
	return gaps
}

// between is how many of the requests about a queue came in a stretch of time.
func (w *watch) between(queue string, from, to time.Time) int {
	n := 0
	for _, call := range w.of(queue) {
		if !call.Time.Before(from) && call.Time.Before(to) {
			n++
		}
	}
	return n
}

// every makes a fault act on each n-th of the requests that it is asked about.
func every(n int) func(sqstest.Request) bool {
	var mu sync.Mutex
	count := 0
	return func(sqstest.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		count++
		return count%n == 0
	}
}

package faults_test

import (
	"maps"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// book keeps what callers and handlers saw, beside the ledger of the server.
type book struct {
	mu       sync.Mutex
	promised map[string]bool     // ids of tasks whose dispatch returned nil
	started  map[string]int      // runs by id
	failed   map[string]int      // runs that asked for another one, by id
	buried   map[string]bool     // ids whose handler said Permanent
	times    map[int][]time.Time // when the runs began, by the number of the task
	running  int
	peak     int
}

func newBook() *book {
	return &book{
		promised: map[string]bool{}, started: map[string]int{}, failed: map[string]int{}, buried: map[string]bool{},
		times: map[int][]time.Time{},
	}
}

func (b *book) promise(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.promised[id] = true
}

func (b *book) begin(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.started[id]++
	b.running++
	b.peak = max(b.peak, b.running)
}

func (b *book) end(id string, action taskhawk.Action) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	switch action {
	case taskhawk.ActionRetry:
		b.failed[id]++
	case taskhawk.ActionDeadLetter:
		b.buried[id] = true
	case taskhawk.ActionDelete:
	}
}

func (b *book) ran(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.times[n] = append(b.times[n], time.Now())
}

// runs is how often the task with a number ran.
func (b *book) runs(n int) int { return len(b.runTimes(n)) }

// runTimes is when the runs of the task with a number began.
func (b *book) runTimes(n int) []time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.times[n]
}

// distinct is how many numbers ran.
func (b *book) distinct() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.times)
}

// total is how many runs there were.
func (b *book) total() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, runs := range b.started {
		n += runs
	}
	return n
}

// retries is how many runs asked for another one.
func (b *book) retries() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, runs := range b.failed {
		n += runs
	}
	return n
}

// duplicates is how many runs there were beyond the first of each task and those that a failed run asked for.
func (b *book) duplicates() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for id, runs := range b.started {
		n += max(0, runs-1-b.failed[id])
	}
	return n
}

// promises are the ids of the tasks whose dispatch returned nil.
func (b *book) promises() map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.promised)
}

// wasBuried tells whether a handler said Permanent about the task.
func (b *book) wasBuried(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buried[id]
}

// peakRunning is the most handlers that ever ran at once, and how many run now.
func (b *book) peakRunning() (peak, now int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peak, b.running
}

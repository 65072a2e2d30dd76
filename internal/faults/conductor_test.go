package faults_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// conductor runs the handlers of worker processes from the test: a handler there asks what to do and waits for the answer.
type conductor struct {
	rig    *rig
	server *httptest.Server
	decide func(ctx context.Context, n int) command

	mu      sync.Mutex
	begun   map[string]bool // ids of the tasks whose handler began
	running int
}

// conduct starts a conductor. decide is called for every run, concurrently; its ctx ends when the handler in the process has
// given up, or the process is gone.
func (r *rig) conduct(decide func(ctx context.Context, n int) command) *conductor {
	c := &conductor{rig: r, decide: decide, begun: map[string]bool{}}
	c.server = httptest.NewServer(c)
	r.Cleanup(c.server.Close)
	return c
}

// ServeHTTP is one run. It notes in ledger and book when the run begins, and that it succeeds before the process knows.
func (c *conductor) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	id := request.FormValue("id")
	n, _ := strconv.Atoi(request.FormValue("n"))
	c.begin(id)
	defer c.end(id)
	c.rig.book.ran(n)
	order := c.decide(request.Context(), n)
	if request.Context().Err() != nil {
		return
	}
	if order == toSucceed {
		c.rig.server.Ledger().Note(sqstest.Succeeded, id)
	}
	_, _ = w.Write([]byte(order))
}

func (c *conductor) begin(id string) {
	c.rig.book.begin(id)
	c.rig.server.Ledger().Note(sqstest.Started, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun[id] = true
	c.running++
}

// end counts no retry: what a process could not finish is a duplicate when it runs again.
func (c *conductor) end(id string) {
	c.rig.book.end(id, taskhawk.ActionDelete)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
}

// now is how many handlers run.
func (c *conductor) now() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}

// started is how many tasks have begun since the last take.
func (c *conductor) started() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.begun)
}

// take returns the ids of the tasks that have begun since the last take.
func (c *conductor) take() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	begun := c.begun
	c.begun = map[string]bool{}
	return begun
}

// succeedAfter waits, and lets the handler succeed unless ctx ends first.
func succeedAfter(ctx context.Context, d time.Duration) command {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return toSucceed
	case <-ctx.Done():
		return toFail
	}
}

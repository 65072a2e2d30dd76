package sqstest

import (
	"maps"
	"sync"
)

// tally counts requests and refusals.
type tally struct {
	mu       sync.Mutex
	requests map[string]int // by operation
	refused  map[string]int // by error code
}

func (t *tally) request(operation string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.requests == nil {
		t.requests = map[string]int{}
	}
	t.requests[operation]++
}

func (t *tally) refusal(codes ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused == nil {
		t.refused = map[string]int{}
	}
	for _, code := range codes {
		t.refused[code]++
	}
}

// Requests is how many requests of an operation reached the server, answered or
// not: srv.Requests(sqstest.OpSendMessage).
func (s *Server) Requests(operation string) int {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	return s.tally.requests[operation]
}

// TotalRequests is how many requests reached the server.
func (s *Server) TotalRequests() int {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	total := 0
	for _, n := range s.tally.requests {
		total += n
	}
	return total
}

// ClientErrors counts, by error code, the requests that broke a rule of the
// service: those answered with a status of 400 to 499 that no fault asked for.
// Entries that failed in a batch are counted too. The map is a copy.
func (s *Server) ClientErrors() map[string]int {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	return maps.Clone(s.tally.refused)
}

// ResetCounts sets the counts of requests and of client errors to zero.
func (s *Server) ResetCounts() {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	s.tally.requests, s.tally.refused = nil, nil
}

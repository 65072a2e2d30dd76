package sqstest

import (
	"net/http"
	"sync/atomic"
)

// Fault is something to go wrong: on which requests, and what. The zero value
// of On, Queue, Topic, Nth, Times and If does not narrow the choice. Faults add up:
// all that match a request act on it, in the order in which they were injected.
type Fault struct {
	// On is the operation, such as OpDeleteMessageBatch.
	On string
	// Queue is the name of the queue the request is about.
	Queue string
	// Topic is the name of the topic the request is about.
	Topic string
	// If is asked about each request that matches On, Queue and Topic. It may be called
	// concurrently.
	If func(Request) bool
	// Nth makes the fault act on the n-th of the matching requests only, counted
	// from 1 at the injection. With Times it acts on the n-th and those after it.
	Nth int
	// Times is how often the fault acts: 0 is once with Nth, else for ever.
	Times int
	// After makes the effect take place when the operation has been applied:
	// the response is lost, not the request. Effects that change the response
	// need no After.
	After bool
	// Do is what happens.
	Do Effect
}

// Request is what Fault.If decides on.
type Request struct {
	Operation   string      // one of the Op constants
	Queue       string      // the queue's name; "" when the operation names none
	Topic       string      // the topic's name; "" when the operation names none
	Entries     int         // of a batch; else 0
	AccessKeyID string      // of the signature; "" when there is none
	Header      http.Header // not to be changed
	Body        []byte      // the JSON or the form of the request, not to be changed
}

// Injection is a fault at work.
type Injection struct {
	fault   Fault
	matched atomic.Int64
	fired   atomic.Int64
	removed atomic.Bool
}

// Fired is how often the fault acted.
func (i *Injection) Fired() int { return int(i.fired.Load()) }

// Remove ends the fault: the service is healed. It may be called more than once.
func (i *Injection) Remove() { i.removed.Store(true) }

// takes says whether the fault acts on a request, and counts it.
func (i *Injection) takes(r Request) bool {
	f := i.fault
	if i.removed.Load() || f.On != "" && f.On != r.Operation {
		return false
	}
	if f.Queue != "" && f.Queue != r.Queue || f.Topic != "" && f.Topic != r.Topic {
		return false
	}
	if f.If != nil && !f.If(r) {
		return false
	}
	if !f.includes(int(i.matched.Add(1))) {
		return false
	}
	i.fired.Add(1)
	return true
}

// includes says whether the fault acts on the n-th matching request.
func (f Fault) includes(n int) bool {
	first, times := max(f.Nth, 1), f.Times
	if f.Nth > 0 && times == 0 {
		times = 1
	}
	return n >= first && (times == 0 || n < first+times)
}

// Inject puts a fault to work at once. It panics if the fault has no effect.
func (s *Server) Inject(f Fault) *Injection {
	if f.Do.name == "" {
		panic("sqstest: a fault needs an effect in Do") //nolint:forbidigo // a mistake in the test
	}
	injection := &Injection{fault: f}
	s.script.add(injection)
	return injection
}

// Heal removes all faults.
func (s *Server) Heal() { s.script.clear() }

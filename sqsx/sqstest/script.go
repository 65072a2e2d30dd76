package sqstest

import (
	"net/http"
	"strings"
	"sync"
)

// script is the list of injected faults.
type script struct {
	mu         sync.Mutex
	injections []*Injection
}

func (s *script) add(i *Injection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.injections = append(s.injections, i)
}

func (s *script) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.injections {
		i.Remove()
	}
	s.injections = nil
}

// snapshot is the list as it is now, without those removed.
func (s *script) snapshot() []*Injection {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.injections[:0:0]
	for _, i := range s.injections {
		if !i.removed.Load() {
			kept = append(kept, i)
		}
	}
	s.injections = kept
	return kept
}

// request is what faults see of a request.
func (c *call) request(r *http.Request) Request {
	return Request{
		Operation: c.name, Queue: c.queue, Topic: c.topic, Entries: len(c.ids), AccessKeyID: accessKeyID(r),
		Header: r.Header, Body: c.body,
	}
}

// accessKeyID is the key of a signed request: the text between Credential= and
// the first slash of the Authorization header.
func accessKeyID(r *http.Request) string {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	id, _, found := strings.Cut(credential, "/")
	if !found {
		return ""
	}
	return id
}

// fire picks the faults that act on a request before its outcome is known: all
// but those that edit the answer.
func (s *script) fire(r Request) []Fault {
	var fired []Fault
	for _, i := range s.snapshot() {
		if i.fault.Do.edit == nil && i.takes(r) {
			fired = append(fired, i.fault)
		}
	}
	return fired
}

// edit lets the faults that edit answers act on out. A request whose answer
// such a fault cannot act on, such as a receive without messages, does not count
// for it.
func (s *script) edit(a *account, c *call, r Request, out any) {
	for _, i := range s.snapshot() {
		effect := i.fault.Do
		if effect.edit == nil || !effect.suits(out) || !i.takes(r) {
			continue
		}
		a.mu.Lock()
		effect.edit(a, c, out)
		a.mu.Unlock()
	}
}

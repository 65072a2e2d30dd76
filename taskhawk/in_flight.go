package taskhawk

import "sync"

// inFlight is the set of deliveries that the worker has started and not settled. Who takes a delivery out of it may
// settle it: the handler's goroutine, or the stop that gives up on the handler, never both.
type inFlight struct {
	mu       sync.Mutex
	running  map[*Delivery]struct{}
	settling int
}

func (f *inFlight) start(d *Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running == nil {
		f.running = map[*Delivery]struct{}{}
	}
	f.running[d] = struct{}{}
}

// settle reports whether d may be settled; settled must follow.
func (f *inFlight) settle(d *Delivery) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.running[d]; !ok {
		return false
	}
	delete(f.running, d)
	f.settling++
	return true
}

func (f *inFlight) settled() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settling--
}

// abandon takes out all that is running, and counts what is being settled.
func (f *inFlight) abandon() (running []*Delivery, settling int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for d := range f.running {
		running = append(running, d)
	}
	clear(f.running)
	return running, f.settling
}

package gopool

import (
	"slices"
	"sync"
	"time"
)

// idleTime is how long a goroutine waits for the next function at least. The most is
// twice that.
const idleTime = time.Second

// Pool starts goroutines, and keeps them between Keep and Close. The zero value is ready,
// and it is safe for concurrent use.
type Pool struct {
	mu    sync.Mutex
	idle  []*runner // the one that was busy last comes last
	old   int       // how many of idle, from the first on, were idle at the last sweep
	timer *time.Timer
	armed bool
	keeps bool
}

// runner is a goroutine that waits.
type runner struct{ next chan func() }

// Go runs f in a goroutine. A panic or runtime.Goexit in f has the same effect as in a
// go statement.
func (p *Pool) Go(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		go p.run(f)
		return
	}
	r := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	p.old = min(p.old, last)
	r.next <- f
}

// Keep starts to keep idle goroutines. The caller must call Close later.
func (p *Pool) Keep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keeps = true
}

// Close ends the idle goroutines. Busy goroutines, and those of later calls of Go, end
// when their functions return.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keeps = false
	p.dismiss(len(p.idle))
	if p.timer != nil {
		p.timer.Stop()
	}
}

func (p *Pool) run(f func()) {
	var r *runner // nil until it first waits: a function may run for hours
	for f != nil {
		f()
		if r == nil {
			r = &runner{next: make(chan func(), 1)}
		}
		if !p.park(r) {
			return
		}
		f = <-r.next
	}
}

func (p *Pool) park(r *runner) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.keeps {
		return false
	}
	p.idle = append(p.idle, r)
	p.look()
	return true
}

// dismiss ends the first n idle goroutines. mu must be held.
func (p *Pool) dismiss(n int) {
	for _, r := range p.idle[:n] {
		close(r.next)
	}
	p.idle = slices.Delete(p.idle, 0, n)
}

// look sets the timer of sweep if there are idle goroutines. mu must be held.
func (p *Pool) look() {
	switch {
	case p.armed || len(p.idle) == 0:
	case p.timer == nil:
		p.armed = true
		p.timer = time.AfterFunc(idleTime, p.sweep)
	default:
		p.armed = true
		p.timer.Reset(idleTime)
	}
}

// sweep ends the goroutines that were already idle at the last sweep.
func (p *Pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.keeps {
		return
	}
	p.armed = false
	p.dismiss(p.old)
	p.old = len(p.idle)
	p.look()
}

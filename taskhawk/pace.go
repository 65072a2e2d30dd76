package taskhawk

import (
	"sync"
	"time"
)

// pace remembers how long tasks take, to tell how many more can start soon.
type pace struct {
	mu   sync.Mutex
	mean time.Duration // of recent tasks; 0 before the first
}

// soon is how far ahead messages are fetched.
const soon = time.Second

// add counts a task that held its slot for d.
func (p *pace) add(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mean == 0 {
		p.mean = max(d, 1)
		return
	}
	p.mean = max(p.mean+(d-p.mean)/8, 1)
}

// startable returns how many tasks can start soon on so many slots; 0 while nothing is known.
func (p *pace) startable(slots int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mean == 0 {
		return 0
	}
	return int(min(int64(slots)*int64(soon)/int64(p.mean), 1<<20))
}

package taskhawk

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The delays with which messages are given back that find the place of their task full:
// the first, which doubles with every attempt, and the longest.
const (
	firstDeferral   = 5 * time.Second
	longestDeferral = time.Hour
)

// WithMaxConcurrency limits how many handlers of this task run at once in one worker, for
// tasks that would overload what they call, or take all slots from others. It is no limit
// over several workers.
//
// Messages of a task at its limit hold no slot, and others pass them. Up to
// WorkerConfig.MaxLimited of them wait in the worker, under leases that it extends; those
// beyond are given back with a delay that grows. Every receive counts as an attempt, so a
// message at its last one is kept. On a FIFO queue a message that waits holds up its
// group only.
//
// It is for bursts: a task that lastingly gets more than it may run belongs on a
// separate queue. It has no effect on Lambda, where an event source mapping has such a
// limit. An n below 1 is a panic of [New].
func WithMaxConcurrency(n int) TaskOption {
	return taskOption(func(s *settings) {
		if s.policy.MaxConcurrency = n; n < 1 {
			s.reject(fmt.Sprintf("max concurrency %d: at least 1", n))
		}
	})
}

// limiters are those of the tasks of a worker that have one, by name.
type limiters map[string]*limiter

func newLimiters(hub *Hub, config WorkerConfig) limiters {
	all := limiters{}
	for name, policy := range hub.Policies() {
		// A limit that the worker cannot reach would only cost a look into each message.
		if n := policy.MaxConcurrency; n > 0 && n < config.Concurrency {
			all[name] = &limiter{permits: newSlots(n, config.StrictPriority), most: n, room: config.MaxLimited}
		}
	}
	return all
}

// of returns the limiter of the task of a message; nil if it has none.
func (ls limiters) of(l *lease) *limiter {
	if len(ls) == 0 { // a message is read here only where that may matter
		return nil
	}
	return ls[nameOf(l.current())]
}

// limited returns how many messages wait because their tasks are at their limits.
func (ls limiters) limited() int {
	n := 0
	for _, l := range ls {
		n += l.count()
	}
	return n
}

// limiter bounds how many messages of a task run at once in a worker. Those that have to
// wait do so in a separate place, where they neither hold slots nor keep the queue
// from being received from.
//
// The place has room for as many messages again that are at their last attempt, since
// giving those back would make dead letters of them. When that is full too, they stay in
// the line of their queue, which stops its receives: so all that a worker holds is
// bounded.
type limiter struct {
	permits *slots // one for each handler that may run
	most    int    // how many there are
	room    int
	lines   minuteLine // about messages given back

	mu      sync.Mutex
	waiting int // messages in the place
	last    int // those at their last attempt, counted apart
	mean    mean
	granted time.Time // when a permit was granted last
	turn    time.Time // when the message given back last should come again
}

// admission is how an attempt to run the first message of a sequence ends.
type admission uint8

const (
	admitted    admission = iota // it has its slot, and the permit of its task
	notAdmitted                  // a stop came first, or its lease was lost
	deferred                     // its task is at its limit, and the place is full
)

// admit waits until the first of the waiting messages may run.
func (s *sequence) admit(stop context.Context, waiting []*lease) admission {
	w, l := s.poller.worker, waiting[0]
	if l.limiter = w.limiters.of(l); l.limiter != nil {
		if end := s.permit(stop, waiting); end != admitted {
			return end
		}
	}
	if !w.slots.acquire(stop, s.poller.info.Priority) {
		l.limiter.release()
		return notAdmitted
	}
	return admitted
}

// permit waits for a permit of the task of the first waiting message. The messages of its
// group wait with it.
func (s *sequence) permit(stop context.Context, waiting []*lease) admission {
	l := waiting[0]
	limiter, priority := l.limiter, s.poller.info.Priority
	granted := limiter.permits.join(priority)
	if granted == nil {
		limiter.grant()
		return admitted
	}
	last := slices.ContainsFunc(waiting, func(l *lease) bool { return s.poller.worker.hub.lastAttempt(l.current()) })
	if limiter.hold(len(waiting), last) {
		s.poller.governor.drop(len(waiting))
		defer func() {
			s.poller.governor.rejoin(len(waiting))
			limiter.unhold(len(waiting), last)
		}()
	} else if !last {
		limiter.permits.leave(priority, granted)
		return deferred
	}
	// A message whose lease is lost comes again, and must find its place free.
	held, cancel := context.WithCancelCause(stop)
	defer cancel(nil)
	if !l.start(cancel) {
		cancel(ErrVisibilityLost)
	}
	select {
	case <-granted:
		limiter.grant()
		return admitted
	case <-held.Done():
		limiter.permits.leave(priority, granted)
		return notAdmitted
	}
}

// hold takes room for n messages, and reports false if there is none.
func (l *limiter) hold(n int, last bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := &l.waiting
	if last {
		held = &l.last
	}
	if *held > 0 && *held+n > l.room { // a group of more than fit waits alone
		return false
	}
	*held += n
	return true
}

// unhold gives the room of n messages back.
func (l *limiter) unhold(n int, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last {
		l.last -= n
		return
	}
	if l.waiting -= n; l.waiting == 0 {
		l.turn = time.Time{} // the others are elsewhere, or done
	}
}

// count returns how many messages wait in the place.
func (l *limiter) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting + l.last
}

// grant takes note that a message has its permit.
func (l *limiter) grant() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.granted = time.Now()
}

// observe takes note of a handler that has returned after d, and gives its permit back. l
// may be nil.
func (l *limiter) observe(d time.Duration) {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.mean.observe(d)
	l.mu.Unlock()
	l.permits.release()
}

// release gives back the permit of a message that did not run. l may be nil.
func (l *limiter) release() {
	if l != nil {
		l.permits.release()
	}
}

// deferral returns for how long to give back a message that finds the place full: until
// those in the place, and those given back before it, have run by the pace of the task.
// So each comes again when there is room for it. Where that is soon or not known, the
// delay doubles with every attempt.
func (l *limiter) deferral(attempt int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	// Between two starts passes at least the time since the last one, however quick the
	// handlers before it were.
	pace := min(max(time.Duration(l.mean)/time.Duration(l.most), now.Sub(l.granted)), longestDeferral)
	if full := now.Add(pace * time.Duration(l.room)); l.turn.Before(full) {
		l.turn = full
	}
	l.turn = l.turn.Add(pace)
	if l.turn.Sub(now) > longestDeferral {
		l.turn = now.Add(longestDeferral)
		return jitter(longestDeferral, 2) // all that are beyond it
	}
	return max(l.turn.Sub(now), jitter(doubled(firstDeferral, longestDeferral, attempt), 2))
}

package taskhawk

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// The delays of messages that are given back because the waiting room of their task is
// full: the first one, which doubles with every attempt, and the longest.
const (
	firstDeferral   = 5 * time.Second
	longestDeferral = time.Hour
)

// WithMaxConcurrency limits how many handlers of this task run at once in one worker. It
// is for tasks that would overload a service they call, or take all slots from others. It
// does not limit several workers together.
//
// Messages of a task at its limit hold no slot, and others pass them. Up to
// WorkerConfig.MaxLimited of them wait in the worker, under leases that it extends.
// Further ones are given back with a growing delay. Since every receive counts as an
// attempt, a message at its last attempt is kept. On a FIFO queue a waiting message
// delays only its group.
//
// The limit is for bursts: a task that permanently gets more messages than it may run
// belongs on a separate queue. It has no effect on Lambda, where an event source mapping
// has such a limit. [New] panics if n is below 1.
func WithMaxConcurrency(n int) TaskOption {
	return taskOption(func(s *settings) {
		if s.policy.MaxConcurrency = n; n < 1 {
			s.reject(fmt.Sprintf("max concurrency %d: at least 1", n))
		}
	})
}

// limiters holds the limiters of a worker's tasks, by name.
type limiters map[string]*limiter

func newLimiters(hub *Hub, config WorkerConfig) limiters {
	all := limiters{}
	for name, policy := range hub.Policies() {
		// A limit that the worker cannot reach would only cost time for each message.
		if n := policy.MaxConcurrency; n > 0 && n < config.Concurrency {
			all[name] = &limiter{permits: newSlots(n, config.StrictPriority), most: n, room: config.MaxLimited}
		}
	}
	return all
}

// of returns the limiter for the task of a message, nil if it has none.
func (ls limiters) of(l *lease) *limiter {
	if len(ls) == 0 { // do not read the message for nothing
		return nil
	}
	return ls[nameOf(l.current())]
}

// limited returns how many messages wait because their task is at its limit.
func (ls limiters) limited() int {
	n := 0
	for _, l := range ls {
		n += l.count()
	}
	return n
}

// limiter bounds how many messages of a task run at once in a worker. The others wait in
// a separate room, where they hold no slot and do not stop receives from the queue.
//
// The room has as many extra places for messages at their last attempt, since giving
// those back would make them dead letters. When these are full too, such messages wait in
// the line of their queue, which stops its receives. So the messages that a worker holds
// are bounded.
type limiter struct {
	permits *slots // a permit for each handler that may run
	most    int    // number of permits
	room    int
	lines   minuteLine // about messages given back

	mu      sync.Mutex
	waiting int // messages in the room
	last    int // messages at their last attempt, counted separately
	mean    mean
	granted time.Time // when the last permit was granted
	turn    time.Time // when the message last given back should come again
}

// admission is the result of an attempt to run the first message of a sequence.
type admission uint8

const (
	admitted    admission = iota // it has a slot and a permit of its task
	notAdmitted                  // a stop came first, or its lease was lost
	deferred                     // its task is at its limit and the room is full
)

// admit waits until the first of the waiting messages may run.
func (s *sequence) admit(stop context.Context, waiting []*lease) admission {
	w, l := s.poller.worker, waiting[0]
	if s.behind != nil {
		// The group was received again because a lease was lost whose handler still runs.
		if !w.leases.await(stop, s.behind) {
			return notAdmitted
		}
		s.behind = nil
	}
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

// permit waits for a permit for the first waiting message. The messages of its group wait
// with it.
func (s *sequence) permit(stop context.Context, waiting []*lease) admission {
	l := waiting[0]
	limiter, priority := l.limiter, s.poller.info.Priority
	granted := limiter.permits.join(priority)
	if granted == nil {
		limiter.grant()
		return admitted
	}
	last := s.atLastAttempt(waiting)
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
	// A message whose lease is lost comes again, and must find its place in the room
	// free.
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

// hold takes places for n messages, and reports false if there is no room.
func (l *limiter) hold(n int, last bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := &l.waiting
	if last {
		held = &l.last
	}
	if *held > 0 && *held+n > l.room { // a group too large for the room waits alone
		return false
	}
	*held += n
	return true
}

// unhold frees the places of n messages.
func (l *limiter) unhold(n int, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last {
		l.last -= n
		return
	}
	if l.waiting -= n; l.waiting == 0 {
		l.turn = time.Time{} // the messages given back are elsewhere, or done
	}
}

// count returns how many messages wait in the room.
func (l *limiter) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting + l.last
}

// grant records that a message has its permit.
func (l *limiter) grant() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.granted = time.Now()
}

// observe records that a handler returned after d, and frees its permit. l may be nil.
func (l *limiter) observe(d time.Duration) {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.mean.observe(d)
	l.mu.Unlock()
	l.permits.release()
}

// release frees the permit of a message that did not run. l may be nil.
func (l *limiter) release() {
	if l != nil {
		l.permits.release()
	}
}

// deferral returns the delay of a message that is given back because the room is full. At
// the throughput of the task, the messages in the room and those given back earlier have
// run by then. So each message comes again when there is room for it. If that time is
// short or unknown, the delay doubles with every attempt.
func (l *limiter) deferral(attempt int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	// The interval between two starts is at least the time since the last start, even if
	// earlier handlers were quicker.
	pace := min(max(time.Duration(l.mean)/time.Duration(l.most), now.Sub(l.granted)), longestDeferral)
	if full := now.Add(pace * time.Duration(l.room)); l.turn.Before(full) {
		l.turn = full
	}
	l.turn = l.turn.Add(pace)
	if l.turn.Sub(now) > longestDeferral {
		l.turn = now.Add(longestDeferral)
		return jitter(longestDeferral, 2) // for all later ones
	}
	return max(l.turn.Sub(now), jitter(doubled(firstDeferral, longestDeferral, attempt), 2))
}

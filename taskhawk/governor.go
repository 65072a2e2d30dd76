package taskhawk

import (
	"cmp"
	"context"
	"math"
	"sync"
	"time"
)

// receiveBatch is the most messages of a receive, as on SQS. An extra receive asks for
// as many, so that requests stay well filled.
const receiveBatch = 10

// shortestWait is the wait of the extra receives of a queue. With a backlog they do not
// wait, and without one they should end soon. The first receives of a worker have it
// too, since a worker is not ready before one has succeeded.
const shortestWait = time.Second

// prefetchHorizon is how far ahead messages are fetched: a message that cannot start
// within it may start earlier in another worker.
const prefetchHorizon = time.Second

// intake has the state that the governors of a worker share, since each decides by the
// messages that the others hold and have asked for.
type intake struct {
	mu      sync.Mutex
	slots   *slots
	waiting int // messages of all queues that wait for a slot
	extra   int // messages that the extra receives of all queues have asked for
	mean    mean
	paused  [len(slotWeights)]bool // by priority: nothing is received
	all     []*governor
	// lastStart is when a message got its slot last.
	lastStart time.Time
}

// mean is the mean time of recent handlers; 0 before the first has returned.
type mean time.Duration

// observe adds the time of one handler.
func (m *mean) observe(d time.Duration) {
	if *m == 0 {
		*m = mean(d)
	}
	*m = max(*m+(mean(d)-*m)/8, 1)
}

// waits returns how many messages wait for a slot.
func (i *intake) waits() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.waiting
}

// governor decides when to receive from a queue, and how many messages. It has one long
// poll in flight while the queue is empty. It makes more receives, up to maxReceives,
// while they return full and their messages can start soon.
//
// The number of messages in line follows from the number that start in the time of a
// receive (Little's law). With so many in line or on their way, no slot is free before
// the next receive returns.
type governor struct {
	shared      *intake
	priority    Priority
	concurrency int
	prefetch    int
	maxReceives int
	ordered     bool
	oneByOne    func() bool   // reports whether messages must be received one at a time
	wake        chan struct{} // has a token when next should look again

	// The shared mutex guards what follows.
	waiting  int           // received, and not started
	asked    int           // sum of the limits of the receives in flight
	extras   int           // receives in flight beside the first
	calm     chan struct{} // closed when extras is 0; nil while nothing waits for it
	receives int           // in flight
	window   int           // how many may be
	demand   demand
	mean     mean // of the handlers of this queue
	drained  bool // the last receive returned less than it asked for
	polls    pollState
}

// plan is a receive to make.
type plan struct {
	limit   int
	wait    time.Duration
	extra   bool // others are in flight
	backlog bool // the queue had more than was asked for last
	epoch   int  // of the poll state
}

func newGovernor(shared *intake, config WorkerConfig, info QueueInfo, oneByOne func() bool) *governor {
	g := &governor{
		shared: shared, priority: info.Priority, concurrency: config.Concurrency, prefetch: config.Prefetch,
		maxReceives: config.MaxReceives,
		ordered:     info.Ordered, oneByOne: oneByOne, wake: make(chan struct{}, 1), window: 1,
		polls: pollState{full: info.Wait, wait: info.Wait},
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.all = append(shared.all, g)
	return g
}

// next waits until a receive should be made, and reports false when ctx ends first.
func (g *governor) next(ctx context.Context) (plan, bool) {
	for ctx.Err() == nil {
		p, pause, ok := g.decide()
		if ok {
			return p, true
		}
		if !g.sleep(ctx, pause) {
			break
		}
	}
	return plan{}, false
}

// sleep waits for a wake, or for pause to be over unless it is 0. It reports false if
// ctx ends first.
func (g *governor) sleep(ctx context.Context, pause time.Duration) bool {
	var over <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-g.wake:
	case <-over:
	case <-ctx.Done():
		return false
	}
	return true
}

// decide returns the receive to make now, and counts it as in flight. If there is none,
// it returns how long there will be none in any case.
func (g *governor) decide() (p plan, pause time.Duration, ok bool) {
	g.shared.mu.Lock()
	defer g.shared.mu.Unlock()
	now := time.Now()
	pause = g.polls.paused.Sub(now)
	if pause > 0 {
		return plan{}, pause, false
	}
	limit := g.receiveLimit()
	if limit == 0 {
		return plan{}, 0, false
	}
	pause = g.courtesy(now)
	if pause > 0 {
		return plan{}, pause, false
	}
	p = plan{
		limit: limit, wait: g.polls.waitTime(now), extra: g.receives > 0, backlog: !g.drained, epoch: g.polls.epoch,
	}
	g.receives++
	g.asked += limit
	if p.extra || !g.polls.succeeded {
		p.wait = min(p.wait, shortestWait)
	}
	if p.extra {
		g.extras++
		g.shared.extra += limit
	}
	return p, 0, true
}

// receiveLimit returns how many messages the next receive may ask for, 0 when none should
// be made now. The shared mutex must be held.
func (g *governor) receiveLimit() int {
	if g.shared.paused[g.priority] || g.receives > 0 && (g.receives >= g.window || g.oneByOne()) {
		return 0
	}
	target, low := g.levels()
	room := target - g.waiting - g.asked
	if g.receives > 0 {
		// An extra receive must be worth its request. If it is not, other workers could
		// start its messages.
		if room < receiveBatch {
			return 0
		}
		return receiveBatch
	}
	if g.waiting > low {
		return 0
	}
	// The first receives of all queues may count on the same free slots, so their
	// messages may have to wait.
	return max(min(room, receiveBatch, g.prefetch), 1)
}

// courtesy returns how long to leave messages to other workers that can start them:
// while no slot is free or will be soon, until the horizon has passed since the last
// start. After that a message waits here as well as on the queue. The shared mutex must
// be held.
func (g *governor) courtesy(now time.Time) time.Duration {
	if g.ordered || g.startable() > 0 || g.shared.slots.unused() > 0 {
		return 0
	}
	return prefetchHorizon - now.Sub(g.shared.lastStart)
}

// levels returns how many messages may be in line or asked for, and the length of the
// line down to which no receive is made. The shared mutex must be held.
func (g *governor) levels() (target, low int) {
	if g.oneByOne() {
		return 1, 0 // a batch would count receives of the messages behind the one that fails
	}
	reorder := g.demand.reorder()
	ahead := min(reorder+receiveBatch, g.startable(), g.prefetch)
	free := max(g.shared.slots.unused()-g.shared.extra, 0)
	// One may wait even if no slot is free: then the next slot goes by priority, not to
	// the queue that polls first.
	target = max(free+ahead, 1)
	switch {
	case g.ordered: // a group holds up its own messages, so some may wait besides
		target = max(target, min(receiveBatch, g.prefetch))
		low = min(max(reorder, target/2), target-1)
	case g.drained: // messages received now are in line when the next slots are free
		low = target - 1
	default: // slow tasks have a short line: it is not filled up after each of them
		low = min(reorder, max(target-receiveBatch, target/2))
	}
	return target, low
}

// startable returns how many messages can start within the horizon; 0 before a handler
// has returned. The shared mutex must be held.
func (g *governor) startable() int {
	takes := cmp.Or(g.mean, g.shared.mean) // a queue without a returned handler is like the others
	if takes == 0 {
		return 0
	}
	return int(min(int64(g.concurrency)*int64(prefetchHorizon)/int64(takes), math.MaxInt32))
}

// received records a finished receive: how many messages it returned, how many of them
// wait now, and how long it took.
func (g *governor) received(p plan, brought, waiting int, took time.Duration) {
	g.shared.mu.Lock()
	defer g.shared.mu.Unlock()
	g.ended(p)
	g.waiting += waiting
	g.shared.waiting += waiting
	g.drained = brought < p.limit
	switch {
	case !g.drained:
		g.window = min(2*g.window, g.maxReceives)
		if p.backlog { // else it had to wait for messages, and its time says nothing
			g.demand.trip.observe(took)
		}
	case brought == 0:
		g.window = 1
	case brought < p.limit/2: // SQS returns somewhat fewer now and then
		g.window = max(g.window/2, 1)
	}
	g.signal()
}

// demand is how many messages of a queue start in the time of a receive: the most of the
// last second or two, since handlers that began together end together. A line that is too
// long costs less than one that is too short.
type demand struct {
	trip         mean // the time of a receive that does not wait
	starts       int  // in a stretch of twice that time
	stretch      time.Time
	most, before int // starts in a stretch, in this period and in the one before
	period       time.Time
}

// observe records a start.
func (d *demand) observe(now time.Time) {
	// Any stretch counts, not only those of receives: a wave of starts may come just when
	// none is in flight, because the line was too short for it. It is twice the time of a
	// receive, so that waves at both ends of one fall into the same stretch.
	if now.Sub(d.stretch) >= 2*time.Duration(d.trip) {
		d.stretch, d.starts = now, 0
	}
	d.starts++
	switch age := now.Sub(d.period); {
	case age >= 2*prefetchHorizon:
		d.period, d.most, d.before = now, 0, 0
	case age >= prefetchHorizon:
		d.period, d.most, d.before = now, 0, d.most
	}
	d.most = max(d.most, d.starts)
}

// reorder returns the length of the line at which more messages are asked for. It is a
// quarter more than the demand, so that a line too short to show all demand grows.
func (d *demand) reorder() int {
	most := max(d.most, d.before)
	if most == 0 {
		return 0
	}
	return most + most/4 + 2
}

// ended takes a receive off those in flight. The shared mutex must be held.
func (g *governor) ended(p plan) {
	g.receives--
	g.asked -= p.limit
	if !p.extra {
		return
	}
	g.shared.extra -= p.limit
	g.extras--
	if g.extras == 0 && g.calm != nil {
		close(g.calm)
		g.calm = nil
	}
}

// calmed waits until no extra receive is in flight, or ctx ends. Each of them could
// receive a message that is given back before that, and all receives count for the
// queue's limit.
func (g *governor) calmed(ctx context.Context) {
	g.shared.mu.Lock()
	if g.extras > 0 && g.calm == nil {
		g.calm = make(chan struct{})
	}
	calm := g.calm
	g.shared.mu.Unlock()
	if calm == nil {
		return
	}
	select {
	case <-calm:
	case <-ctx.Done():
	}
}

// failed records a failed receive: there is no receive before the pause ends.
func (g *governor) failed(p plan) {
	g.shared.mu.Lock()
	defer g.shared.mu.Unlock()
	g.ended(p)
	g.window = 1
	g.signal()
}

// start records that a waiting message has its slot.
func (g *governor) start() {
	g.shared.mu.Lock()
	defer g.shared.mu.Unlock()
	g.shared.lastStart = time.Now()
	g.demand.observe(g.shared.lastStart)
	g.leave(1)
}

// rejoin records that n messages are back in the line.
func (g *governor) rejoin(n int) {
	g.shared.mu.Lock()
	defer g.shared.mu.Unlock()
	g.waiting += n
	g.shared.waiting += n
}

// drop records that n waiting messages will not run, or now wait elsewhere.
func (g *governor) drop(n int) {
	g.shared.mu.Lock()
	defer g.shared.mu.Unlock()
	g.leave(n)
}

// leave takes n messages off the line. The shared mutex must be held.
func (g *governor) leave(n int) {
	g.waiting -= n
	g.shared.waiting -= n
	g.signal()
}

// returned records that a handler has returned after d.
func (g *governor) returned(d time.Duration) {
	g.shared.mu.Lock()
	defer g.shared.mu.Unlock()
	g.mean.observe(d)
	g.shared.mean.observe(d)
	g.signal()
}

// signal wakes the loop only if there is a receive to make, since a wake for each
// message costs a switch. The shared mutex must be held.
func (g *governor) signal() {
	if g.receiveLimit() == 0 {
		return
	}
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

package taskhawk

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// The waits of a poller after an error, and how often it reports that errors go on.
const (
	firstPollWait = time.Second
	lastPollWait  = 30 * time.Second
	reportEvery   = time.Minute
)

// poller is the loop of one queue.
type poller struct {
	worker  *Worker
	queue   Queue
	info    QueueInfo
	running *sync.WaitGroup
	backlog backlog
	failing failingGroups
	state   pollState
}

func newPoller(worker *Worker, queue Queue, running *sync.WaitGroup) *poller {
	return &poller{worker: worker, queue: queue, info: queue.Info(), running: running}
}

// poll receives until stop ends; handlers, and the polls themselves, run under work.
//
// It polls again only when what it has is started: messages stay on the queue, for other workers too, until they can run
// soon. It polls on while some wait where there is room for more and the queue had no more: what comes then is in line when the
// next slots are free. On an ordered queue, where a group holds up its own messages, some may wait as well.
func (p *poller) poll(stop, work context.Context) {
	receiving := work
	if p.worker.config.AbortPolls {
		receiving = stop
	}
	for {
		waiting, ok := p.backlog.wait(stop, p.lowWater())
		if !ok {
			return
		}
		limit := max(p.lineLimit()-waiting, 1)
		deliveries, err := p.receive(receiving, limit)
		p.worker.health.polled(p.info, err)
		if err != nil {
			if stop.Err() != nil {
				return
			}
			p.state.failed(stop, p, err)
			if !sleep(stop, p.state.wait()) {
				return
			}
			continue
		}
		p.state.failures, p.state.drained = 0, len(deliveries) < limit
		p.worker.counters.received.Add(int64(len(deliveries)))
		for _, s := range p.sequences(stop, work, deliveries) {
			p.running.Add(1)
			p.worker.sequences.Go(func() {
				defer p.running.Done()
				s.run(stop, work)
			})
		}
	}
}

func (p *poller) lowWater() int {
	switch {
	case p.info.Ordered && !p.failing.any():
		return p.worker.config.Prefetch / 2
	case !p.info.Ordered && p.state.drained:
		return p.lineLimit() - 1
	}
	return 0
}

// lineLimit returns how many messages may wait: as many as can start soon, and one even when no slot is free, since with that one in
// line the next slot goes by priority and not to whoever polls first.
func (p *poller) lineLimit() int {
	config := p.worker.config
	switch {
	case p.info.Ordered && p.failing.any():
		return 1
	case p.info.Ordered:
		return config.Prefetch
	}
	ready := max(p.worker.slots.unused(), p.worker.throughput.startable(config.Concurrency), 1)
	return min(ready, config.Prefetch)
}

// receive turns a panic of the transport, or of the SDK below it, into an error: the loop lives through anything.
func (p *poller) receive(ctx context.Context, limit int) (deliveries []*Delivery, err error) {
	defer recoverTo(&err)
	p.worker.polls.Add(1)
	defer p.worker.polls.Add(-1)
	return p.queue.Receive(ctx, limit)
}

// sequences takes a lease on each message and sorts them into what may run side by side: each message, or each group of an ordered queue.
func (p *poller) sequences(stop, work context.Context, deliveries []*Delivery) []*sequence {
	var sequences []*sequence
	groups := map[string]*sequence{}
	for _, d := range deliveries {
		l := p.lease(stop, work, d)
		if l == nil {
			continue
		}
		p.backlog.add(1)
		if s := groups[d.Group]; s != nil {
			s.leases = append(s.leases, l)
			continue
		}
		s := &sequence{poller: p, leases: []*lease{l}}
		sequences = append(sequences, s)
		if p.info.Ordered {
			groups[d.Group] = s
		}
	}
	return sequences
}

// lease takes a lease on the message of a delivery. It returns nil when the message must not
// run: it ran before and was only not deleted, or this worker holds it already, under an older
// receipt, which may delete nothing any more. One whose older lease is over otherwise comes back
// after its visibility timeout, or at once when this worker stops.
func (p *poller) lease(stop, work context.Context, d *Delivery) *lease {
	w := p.worker
	if w.acked.has(keyOf(d)) {
		w.counters.alreadyDone.Add(1)
		p.running.Go(func() { w.deleteAgain(work, p.queue, d) })
		return nil
	}
	l, held := w.leases.add(d, func() *lease { return newLease(d, p.queue, w.lost) })
	if held {
		w.counters.duplicates.Add(1)
		switch {
		case l.adopt(d):
		case l.isDone():
			p.running.Go(func() { w.deleteAgain(work, p.queue, d) })
		case stop.Err() != nil:
			p.running.Go(func() { w.release(work, []*lease{newLease(d, p.queue, w.lost)}) })
		}
		return nil
	}
	return l
}

// pollState is what a poller remembers of its polls.
type pollState struct {
	failures int // since the last that succeeded
	reported time.Time
	drained  bool // the last one brought less than it could
}

// failed reports the first error at once, and after that one a minute, beside the loop: a logger may block.
func (s *pollState) failed(ctx context.Context, p *poller, err error) {
	s.failures++
	if s.failures > 1 && time.Since(s.reported) < reportEvery {
		return
	}
	s.reported = time.Now()
	attrs := []slog.Attr{
		slog.String("queue", p.info.Name), slog.Int("failures", s.failures), slog.String("error", err.Error()),
	}
	p.running.Go(func() {
		p.worker.hub.report(ctx, slog.LevelError, "cannot receive messages, will go on trying", attrs...)
	})
}

// wait is how long to wait after the last failure, with little jitter: an outage of an hour takes some 135 requests a poller.
func (s *pollState) wait() time.Duration {
	return jitter(doubled(firstPollWait, lastPollWait, s.failures), 5)
}

// sleep reports false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	return !within(d, ctx.Done())
}

// backlog counts the messages of a poller that wait for a slot.
type backlog struct {
	mu      sync.Mutex
	waiting int
	shrunk  chan struct{} // closed and replaced when it shrinks
}

func (b *backlog) add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting += n
}

func (b *backlog) remove(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting -= n
	if b.shrunk != nil {
		close(b.shrunk)
		b.shrunk = nil
	}
}

// wait returns how many are waiting once that is at most n, and false when ctx ends first.
func (b *backlog) wait(ctx context.Context, n int) (waiting int, ok bool) {
	for ctx.Err() == nil {
		b.mu.Lock()
		waiting = b.waiting
		if b.shrunk == nil {
			b.shrunk = make(chan struct{})
		}
		shrunk := b.shrunk
		b.mu.Unlock()
		if waiting <= n {
			return waiting, true
		}
		select {
		case <-shrunk:
		case <-ctx.Done():
		}
	}
	return 0, false
}

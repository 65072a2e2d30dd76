package taskhawk

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// The pauses of a poller after an error, and how often it reports that errors go on.
const (
	firstPollPause = time.Second
	lastPollPause  = 30 * time.Second
	reportEvery    = time.Minute
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
	info := queue.Info()
	return &poller{worker: worker, queue: queue, info: info, running: running, state: pollState{wait: info.Wait}}
}

// poll receives until stop ends; handlers, and the polls themselves, run under work.
//
// It polls again only when what it has is started: messages stay on the queue, for other workers too, until they can run
// soon. It polls on while some wait where there is room for more and the queue had no more: what comes then is in line
// when the next slots are free. On an ordered queue, where a group holds up its own messages, some may wait as well.
func (p *poller) poll(stop, work context.Context) {
	// A cancelled poll strands the messages that the service assigns in that moment, so polls outlive the stop.
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
		result := p.receive(receiving, limit)
		p.worker.health.polled(p.info, result.err)
		if result.err != nil && stop.Err() != nil {
			return
		}
		if pause := p.judge(stop, result); pause > 0 {
			if !sleep(stop, pause) {
				return
			}
			continue
		}
		p.state.drained = len(result.deliveries) < limit
		p.worker.counters.received.Add(int64(len(result.deliveries)))
		for _, s := range p.sequences(stop, work, result.deliveries) {
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

// pollResult is what one poll brought.
type pollResult struct {
	deliveries []*Delivery
	err        error
	timedOut   bool          // err says so
	wait       time.Duration // that the poll was asked for
	took       time.Duration
}

// receive turns a panic of the transport, or of the SDK below it, into an error: the loop lives through anything.
func (p *poller) receive(ctx context.Context, limit int) (result pollResult) {
	result.wait = p.state.waitTime(p.info.Wait)
	start := time.Now()
	defer func() { result.took = time.Since(start) }()
	defer recoverTo(&result.err)
	p.worker.polls.Add(1)
	defer p.worker.polls.Add(-1)
	result.deliveries, result.err = p.queue.Receive(ctx, limit, result.wait)
	result.timedOut = isTimeout(result.err)
	return result
}

// isTimeout reports whether err calls itself a timeout, as those of net and net/http do.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
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

// pollState is what a poller remembers of its polls. Only the loop of the poller uses it.
type pollState struct {
	failures  int           // polls since the last good one
	reported  time.Time     // the last line about them; zero before the first
	drained   bool          // the last good one brought less than it could
	wait      time.Duration // of the next poll
	shortened time.Time     // when wait was shortened last; zero while it is the queue's own
}

// shortWait is how long polls stay shorter after one that the client cut off: the next one with the full wait finds out
// whether the timeout was raised, or was no more than trouble of the network.
const shortWait = time.Hour

// waitTime returns the wait of the next poll.
func (s *pollState) waitTime(full time.Duration) time.Duration {
	if s.wait < full && time.Since(s.shortened) >= shortWait {
		s.wait = full
	}
	return s.wait
}

// judge returns how long to pause after a poll, 0 after a good one, and reports bad ones.
func (p *poller) judge(ctx context.Context, result pollResult) time.Duration {
	s := &p.state
	switch {
	case result.err == nil && !result.tooEarly():
		s.failures = 0
		return 0
	case result.err == nil:
		// The pause grows up to the wait that the service did not keep: that is the rate which its user has asked for.
		s.failures++
		p.report(ctx, slog.LevelWarn, "receive came back empty before its wait was over; pausing between polls",
			seconds("wait", result.wait))
		return min(s.pause(), cmp.Or(result.wait, firstPollPause))
	case result.timedOut && result.took < result.wait:
		// Every idle poll would fail like this one, and strand what the service assigned in the moment it was cut off.
		s.failures++
		s.shorten(result)
		p.report(ctx, slog.LevelError, "receive timed out before its wait was over: "+
			"raise the timeout of the HTTP client above WaitTime; using a shorter wait",
			seconds("wait", result.wait), seconds("timeout", result.took), seconds("next_wait", s.wait), errorAttr(result.err))
		return s.pause()
	}
	s.failures++
	p.report(ctx, slog.LevelError, "receive failed; retrying", errorAttr(result.err))
	return s.pause()
}

// tooEarly reports whether an answer without messages came long before the wait was over, as from a proxy or an emulator
// that does not wait. Where no wait was asked for, a second is the shortest that leaves the service alone.
func (r *pollResult) tooEarly() bool {
	return len(r.deliveries) == 0 && r.took < cmp.Or(r.wait, firstPollPause)/2
}

// shorten makes the next polls end before the client's timeout, with room for the call itself.
func (s *pollState) shorten(result pollResult) {
	s.shortened = time.Now()
	if s.wait = result.took / 2; s.wait < time.Second {
		s.wait = 0 // services count in seconds
	}
}

// pause is how long to pause after the last failure, with little jitter: an outage of an hour takes some 135 requests a
// poller.
func (s *pollState) pause() time.Duration {
	return jitter(doubled(firstPollPause, lastPollPause, s.failures), 5)
}

// report writes a line about the first bad poll at once, and after that one a minute, beside the loop: a logger may
// block.
func (p *poller) report(ctx context.Context, level slog.Level, text string, attrs ...slog.Attr) {
	s := &p.state
	if s.failures > 1 && time.Since(s.reported) < reportEvery {
		return
	}
	s.reported = time.Now()
	attrs = append([]slog.Attr{slog.String("queue", p.info.Name), slog.Int("failures", s.failures)}, attrs...)
	p.running.Go(func() { p.worker.hub.report(ctx, level, text, attrs...) })
}

// errorAttr is the text of err for a line.
func errorAttr(err error) slog.Attr { return slog.String("error", err.Error()) }

// seconds is a duration for a line, with its unit in the name.
func seconds(name string, d time.Duration) slog.Attr {
	return slog.Float64(name+"_seconds", d.Seconds())
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

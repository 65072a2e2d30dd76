package taskhawk

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// The pauses of a poller after an error, and how often it reports that errors go on.
const (
	firstPollPause = time.Second
	lastPollPause  = 30 * time.Second
	reportEvery    = time.Minute
)

// poller is the loop of one queue.
type poller struct {
	worker   *Worker
	queue    Queue
	info     QueueInfo
	running  *sync.WaitGroup
	governor *governor
	failing  failingGroups
	acked    *ackMemory
	pauses   int // in a row, because deletes fail; only the loop uses it
}

func newPoller(worker *Worker, queue Queue, running *sync.WaitGroup) *poller {
	inFlight := worker.config.Concurrency + worker.config.Prefetch
	p := &poller{
		worker: worker, queue: queue, info: queue.Info(), running: running, acked: newAckMemory(inFlight),
	}
	p.governor = newGovernor(&worker.intake, worker.config, p.info, p.oneByOne)
	return p
}

// poll makes receives until stop ends; handlers, and the receives themselves, run under
// work.
func (p *poller) poll(stop, work context.Context) {
	// A cancelled receive strands the messages that the service assigns in that moment,
	// so receives outlive the stop.
	receiving := work
	if p.worker.config.AbortPolls {
		receiving = stop
	}
	for {
		if !p.easeOff(stop) {
			return
		}
		plan, ok := p.governor.next(stop)
		if !ok {
			return
		}
		p.running.Add(1)
		p.worker.receivers.Go(func() {
			defer p.running.Done()
			p.take(receiving, stop, work, plan)
		})
	}
}

// oneByOne reports whether messages must be received one at a time: while a group of an
// ordered queue fails, since a batch would count receives of the messages behind the one
// that fails, and while deletes fail.
func (p *poller) oneByOne() bool {
	return p.info.Ordered && p.failing.any() || p.acked.strained()
}

// easeOff pauses, ever longer, before a receive of a queue whose ack memory is strained.
// The next messages show whether deletes work again. It reports false if stop ends.
func (p *poller) easeOff(stop context.Context) bool {
	if !p.acked.strained() {
		p.pauses = 0
		return true
	}
	p.pauses++
	if attrs, write := p.acked.line(); write {
		p.worker.hub.report(stop, slog.LevelError, "deletes fail; receives slowed down",
			append(attrs, slog.String("queue", p.info.Name))...)
	}
	return !within(jitter(doubled(firstPollPause, lastPollPause, p.pauses), 5), stop.Done())
}

// take makes one receive and starts its messages.
func (p *poller) take(receiving, stop, work context.Context, plan plan) {
	result := p.receive(receiving, plan)
	p.worker.health.polled(p.info, result.err)
	if result.err != nil && stop.Err() != nil {
		p.governor.failed(plan) // cut off by the stop, or nothing that it could wait for
		return
	}
	p.judge(stop, plan, result)
	if result.err != nil {
		p.governor.failed(plan)
		return
	}
	p.worker.counters.received.Add(int64(len(result.deliveries)))
	sequences := p.sequences(work, result.deliveries)
	waiting := 0
	for _, s := range sequences {
		waiting += len(s.leases)
	}
	p.governor.received(plan, len(result.deliveries), waiting, result.took)
	for _, s := range sequences {
		p.running.Add(1)
		p.worker.sequences.Go(func() {
			defer p.running.Done()
			s.run(stop, work)
		})
	}
}

// pollResult is the result of one receive.
type pollResult struct {
	deliveries []*Delivery
	err        error
	timedOut   bool // err is a timeout
	took       time.Duration
}

// receive turns a panic of the transport, or of the SDK below it, into an error: the
// loop must not end.
func (p *poller) receive(ctx context.Context, plan plan) (result pollResult) {
	start := time.Now()
	defer func() { result.took = time.Since(start) }()
	defer recoverTo(&result.err)
	p.worker.polls.Add(1)
	defer p.worker.polls.Add(-1)
	result.deliveries, result.err = p.queue.Receive(ctx, plan.limit, plan.wait)
	result.timedOut = isTimeout(result.err)
	return result
}

// isTimeout reports whether err has a Timeout method that returns true, as errors of net
// and net/http do.
func isTimeout(err error) bool {
	timeout, ok := guard.As[interface{ Timeout() bool }](err)
	return ok && timeout.Timeout()
}

// sequences takes a lease on each message and sorts the leases into sequences that may
// run side by side: each message, or each group of an ordered queue. A message that is
// held already or done starts none.
func (p *poller) sequences(work context.Context, deliveries []*Delivery) []*sequence {
	var sequences []*sequence
	groups, behind := map[string]*sequence{}, map[string]*lease{}
	for _, d := range deliveries {
		l, held := p.worker.leases.add(d, p)
		if held == done {
			p.running.Go(func() { p.worker.deleteAgain(work, p, d) })
		}
		if held == adopted && p.info.Ordered {
			behind[d.Group] = l
		}
		if held != unheld {
			continue
		}
		if s := groups[d.Group]; s != nil {
			s.leases = append(s.leases, l)
			continue
		}
		s := newSequence(p, l)
		sequences = append(sequences, s)
		if p.info.Ordered {
			groups[d.Group], s.behind = s, behind[d.Group]
		}
	}
	return sequences
}

// pollState is the state of the polls of a poller. The mutex of its governor guards it.
type pollState struct {
	full      time.Duration // the wait of the queue
	wait      time.Duration // of the next poll
	shortened time.Time     // when wait was shortened last; zero while it is the queue's own
	succeeded bool          // a poll has succeeded
	failures  int           // polls since the last good one
	epoch     int           // grows with failures, and never shrinks
	paused    time.Time     // until when nothing is received
	reported  time.Time     // the last line about failures; zero before the first
}

// shortWait is how long polls stay shorter after one that the client cut off. Then a
// poll with the full wait shows whether the timeout was raised, or the network was at
// fault.
const shortWait = time.Hour

// waitTime returns the wait of the next poll.
func (s *pollState) waitTime(now time.Time) time.Duration {
	if now.Sub(s.shortened) >= shortWait {
		s.wait = s.full
	}
	return s.wait
}

// judge notes whether a poll was good, and pauses and reports after one that was not.
func (p *poller) judge(ctx context.Context, plan plan, result pollResult) {
	p.governor.shared.mu.Lock()
	defer p.governor.shared.mu.Unlock()
	s := &p.governor.polls
	s.succeeded = s.succeeded || result.err == nil
	if plan.epoch != s.epoch {
		return // it began before the last failure: receives that fail together are one failure
	}
	if result.err == nil && !result.tooEarly(plan) {
		s.failures = 0
		return
	}
	s.failures++
	s.epoch++
	pause := s.pause()
	switch {
	case result.err == nil:
		// The pause grows up to the wait that the service did not keep: the user expects
		// requests at that rate.
		pause = min(pause, cmp.Or(plan.wait, firstPollPause))
		p.report(ctx, slog.LevelWarn, "receive came back empty before its wait was over; pausing between polls",
			slog.Float64("wait_ms", milliseconds(plan.wait)))
	case result.timedOut && result.took < plan.wait:
		// Every idle poll would fail like this one, and strand the messages that the
		// service assigns when it is cut off.
		s.shorten(result)
		p.report(
			ctx,
			slog.LevelError,
			"receive timed out before its wait was over: "+
				"raise the timeout of the HTTP client above WaitTime; using a shorter wait",
			slog.Float64("wait_ms", milliseconds(plan.wait)),
			slog.Float64("timeout_ms", milliseconds(result.took)),
			slog.Float64("next_wait_ms", milliseconds(s.wait)),
			guard.ErrorAttr(result.err),
		)
	default:
		p.report(ctx, slog.LevelError, "receive failed; retrying", guard.ErrorAttr(result.err))
	}
	s.paused = time.Now().Add(pause)
}

// tooEarly reports whether an answer without messages came long before the wait was
// over, as from a proxy or an emulator that does not wait. A poll without a wait counts
// as one of firstPollPause.
func (r *pollResult) tooEarly(plan plan) bool {
	return len(r.deliveries) == 0 && r.took < cmp.Or(plan.wait, firstPollPause)/2
}

// shorten makes the next polls end before the client's timeout, with room for the call
// itself. Services count in seconds, and some take 0 for the wait of the queue, which may
// be as long as the one that failed.
func (s *pollState) shorten(result pollResult) {
	s.shortened = time.Now()
	s.wait = result.took / 2
	switch {
	case result.took >= shortestWait+shortestWait/4:
		s.wait = max(s.wait, shortestWait)
	case s.wait < shortestWait:
		s.wait = 0
	}
}

// pause returns how long to pause after the last failure, with little jitter: an outage
// of an hour takes some 135 requests a poller.
func (s *pollState) pause() time.Duration {
	return jitter(doubled(firstPollPause, lastPollPause, s.failures), 5)
}

// report writes a line about the first bad poll at once, and after that one a minute. The
// mutex of the governor must be held.
func (p *poller) report(ctx context.Context, level slog.Level, text string, attrs ...slog.Attr) {
	s := &p.governor.polls
	if s.failures > 1 && time.Since(s.reported) < reportEvery {
		return
	}
	s.reported = time.Now()
	attrs = append([]slog.Attr{slog.String("queue", p.info.Name), slog.Int("failures", s.failures)}, attrs...)
	p.worker.hub.report(ctx, level, text, attrs...)
}

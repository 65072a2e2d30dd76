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
	worker   *Worker
	queue    Queue
	running  *sync.WaitGroup
	failures int
	reported time.Time
}

// poll receives until stop ends; handlers and the polls themselves run under work.
//
// It asks for as many messages as there are free slots, and for one when there are none: with that one in line, the next
// slot goes by priority and not to whoever polls first. It polls again only when all it has are started.
func (p *poller) poll(stop, work context.Context) {
	for stop.Err() == nil {
		deliveries, err := p.receive(work, max(p.worker.slots.unused(), 1))
		if err != nil {
			if p.failed(stop, err); !sleep(stop, p.wait()) {
				return
			}
			continue
		}
		p.failures = 0
		p.start(stop, work, deliveries)
	}
}

// receive turns a panic of the transport, or of the SDK below it, into an error: the loop lives through anything.
func (p *poller) receive(ctx context.Context, limit int) (deliveries []*Delivery, err error) {
	defer recoverTo(&err)
	return p.queue.Receive(ctx, limit)
}

// start runs the deliveries as slots become free, and gives back those that a stop leaves unstarted.
func (p *poller) start(stop, work context.Context, deliveries []*Delivery) {
	for i, d := range deliveries {
		if !p.worker.slots.acquire(stop, p.queue.Priority()) {
			p.worker.release(work, deliveries[i:])
			return
		}
		p.worker.flying.start(d)
		p.running.Go(func() { p.worker.process(work, p.queue, d) })
	}
}

// failed reports the first error at once, and after that one a minute.
func (p *poller) failed(ctx context.Context, err error) {
	p.failures++
	if p.failures > 1 && time.Since(p.reported) < reportEvery {
		return
	}
	p.reported = time.Now()
	p.worker.hub.report(ctx, slog.LevelError, "cannot receive messages, will go on trying",
		slog.String("queue", p.queue.Name()), slog.Int("failures", p.failures), slog.String("error", err.Error()))
}

func (p *poller) wait() time.Duration {
	return ExponentialBackoff(firstPollWait, lastPollWait)(p.failures)
}

// sleep reports false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	return !within(d, ctx.Done())
}

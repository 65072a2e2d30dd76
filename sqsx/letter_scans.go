package sqsx

import (
	"context"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// page has the letters of one poll. The last page of a scan has its error instead.
type page struct {
	scan    *scan
	letters []*letter
	last    bool
	err     error
}

// pages takes the pages of scans, until stopped is closed or their context ends.
type pages struct {
	sent    chan page
	stopped chan struct{}
}

// scanAll runs scans side by side, since the poll that finds a queue empty takes
// scanWait. It calls take in the caller's goroutine, with the letters of each poll and
// with the error that ended a scan.
//
// limit is the limit of the first poll of each queue. take returns the limit of the
// next poll, 0 for none, and false to end all scans. A scan makes no poll until take
// returns. It gives its letters back when it ends. If take ends the scans, they finish
// their polls first, since letters of a lost answer stay invisible. scanAll returns, or
// panics with take, after all scans have ended. Its error is the cause of ctx.
func scanAll(
	ctx context.Context, scans []*scan, limit int,
	take func(s *scan, received []*letter, err error) (limit int, more bool),
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := pages{sent: make(chan page), stopped: make(chan struct{})}
	var running sync.WaitGroup
	// Deferred, since take may panic.
	defer func() {
		close(pages.stopped)
		defer time.AfterFunc(releaseTime, cancel).Stop()
		running.Wait()
	}()
	for _, s := range scans {
		running.Go(func() { s.run(ctx, limit, pages) })
	}
	for left := len(scans); left > 0; {
		var p page
		select {
		case p = <-pages.sent:
		case <-ctx.Done():
			return guard.Error(context.Cause(ctx))
		}
		if p.last {
			left--
			if p.err == nil {
				continue
			}
		}
		next, more := take(p.scan, p.letters, p.err)
		if !more {
			return nil
		}
		if !p.last {
			p.scan.taken <- next
		}
	}
	return nil
}

// run sends the letters of the queue, then a last page.
func (s *scan) run(ctx context.Context, limit int, to pages) {
	err := s.poll(ctx, limit, to)
	select {
	case to.sent <- page{scan: s, last: true, err: err}:
	case <-to.stopped:
	case <-ctx.Done():
	}
}

// poll polls until there are no new letters, the limit is 0 or the letters are not
// taken. Then it gives all letters back.
func (s *scan) poll(ctx context.Context, limit int, to pages) error {
	defer s.leases.release(ctx)
	if s.before != nil {
		if err := s.before(ctx); err != nil {
			return err
		}
	}
	for limit > 0 && !s.exhausted {
		received, err := s.next(ctx, limit)
		if err != nil {
			return err
		}
		limit = s.hand(ctx, page{scan: s, letters: received}, to)
	}
	return nil
}

// hand sends a page, and extends the leases until its letters are taken. It returns the
// limit of the next poll, 0 if the letters are not taken.
func (s *scan) hand(ctx context.Context, p page, to pages) (limit int) {
	sent, taken := to.sent, (chan int)(nil) // nil until the page is sent
	for {
		select {
		case sent <- p:
			sent, taken = nil, s.taken
		case limit = <-taken:
			return limit
		// check is zero before the first letter.
		case <-time.After(max(leaseTime/8, time.Until(s.leases.check))):
			s.leases.extend(ctx)
		case <-to.stopped:
			return 0
		case <-ctx.Done():
			return 0
		}
	}
}

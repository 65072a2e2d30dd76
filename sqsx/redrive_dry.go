package sqsx

import (
	"context"

	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
)

// dryRun counts the letters of all queues side by side, and gives them back.
func (r *redriver) dryRun(ctx context.Context, app string, names []string) (RedriveReport, error) {
	passes := map[*scan]*pass{}
	var scans []*scan
	for _, name := range names {
		p, err := r.newPass(&QueueRedrive{Queue: name, By: ByCopy})
		if err != nil {
			return RedriveReport{}, err
		}
		p.scan.before = p.beforeDryRun
		passes[p.scan], scans = p, append(scans, p.scan)
	}
	ended := scanAll(ctx, scans, r.receiveLimit(), func(s *scan, letters []*letter, err error) (limit int, more bool) {
		p := passes[s]
		p.failed.add(err)
		for _, l := range p.choose(letters) {
			p.done.count(l, RedriveCount{WouldMove: 1})
		}
		var sum RedriveCount
		for _, p := range passes {
			sum = sum.plus(p.done.Count)
		}
		r.progress(sum)
		return r.receiveLimit(), r.room(1) > 0
	})
	report := RedriveReport{Moved: map[string]int{}, ClockAhead: r.clock.ahead}
	var errs []error
	for _, s := range scans {
		report = report.with(*passes[s].done)
		errs = append(errs, passes[s].failed.err())
	}
	failed := r.joined(ctx, app, errs)
	failed.add(ended)
	return report, failed.err()
}

// beforeDryRun fails if the target queue is missing, or if a look could move letters on.
func (p *pass) beforeDryRun(ctx context.Context) error {
	if err := p.lookUp(ctx); err != nil {
		return err
	}
	return requireEnd(ctx, p.api, p.service, p.scan.queue)
}

// joined returns the errors of the queues. It explains the first missing queue, and leaves
// out the other errors if no queue exists.
func (r *redriver) joined(ctx context.Context, app string, errs []error) (failed failures) {
	found := map[string]bool{}
	for _, err := range errs {
		if sqsqueue.IsMissing(err) && len(found) == 0 {
			found, err = r.service.explain(ctx, app, r.config.Naming, err, nil)
		}
		failed.add(err)
		if len(found) > 0 && !anyTrue(found) {
			break
		}
	}
	return failed
}

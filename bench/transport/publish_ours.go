package transport

import (
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/taskhawk/taskhawk-go/bench"
)

// dispatchers is how many goroutines dispatch one task each at a time: with them as many
// requests are in flight as with inFlight senders of tens.
const dispatchers = inFlight * batch

func publishOurs() []contender {
	return []contender{
		{
			name:  "taskhawk",
			title: "**taskhawk**, `DispatchAll`",
			kind:  bench.Ours,
			start: func(r *env) (func() error, error) {
				a, err := r.publishing()
				if err != nil {
					return nil, err
				}
				all := allArgs(r.tasks)
				return func() error {
					_, err := a.task.DispatchAll(r.ctx, all)
					return err
				}, nil
			},
		},
		{
			name:  "taskhawk-each",
			title: "**taskhawk**, `Dispatch` from 80 goroutines",
			kind:  bench.Ours,
			start: func(r *env) (func() error, error) {
				a, err := r.publishing()
				if err != nil {
					return nil, err
				}
				all := allArgs(r.tasks)
				return func() error {
					return share(dispatchers, r.tasks, func(n int) error {
						_, err := a.task.Dispatch(r.ctx, all[n])
						return err
					})
				}, nil
			},
		},
	}
}

// publishing returns our side, which has looked the queue up: the loops by hand have its
// URL too.
func (r *env) publishing() (*application, error) {
	a, err := r.application()
	if err != nil {
		return nil, err
	}
	r.before++
	_, err = a.task.Dispatch(r.ctx, newArgs(0))
	return a, err
}

// share calls f for 0 to n-1 from so many goroutines, each for the next number.
func share(goroutines, n int, f func(n int) error) error {
	var next atomic.Int64
	var group errgroup.Group
	for range goroutines {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := f(i); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

package transport

import (
	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func workOurs() []contender {
	return []contender{{
		name:  "taskhawk",
		title: "**taskhawk**, `sqsx.Worker`",
		kind:  bench.Ours,
		start: func(r *env) (func() error, error) {
			if err := r.fill(); err != nil {
				return nil, err
			}
			a, err := r.application()
			if err != nil {
				return nil, err
			}
			worker, err := sqsx.NewWorker(r.client, app, a.hub, sqsx.WorkerConfig{
				Priorities: []taskhawk.Priority{taskhawk.Default}, AbortPolls: true,
			})
			if err != nil {
				return nil, err
			}
			return r.work(worker.Run), nil
		},
	}}
}

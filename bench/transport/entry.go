package transport

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// Entry is one contender's part in a cell. It is not safe for concurrent use.
type Entry struct {
	bench.Trial

	// Name is the name in the output of the benchmarks, without spaces and slashes.
	Name string
	// Title is the name for readers.
	Title string
	// Kind says what the contender stands for: ours, a bare loop or a rival.
	Kind bench.Kind

	link      Link
	contender contender
	env       *env
	run       func() error
	requests  float64
}

func entries(contenders []contender, link Link, tasks int) []*Entry {
	made := make([]*Entry, len(contenders))
	for i, c := range contenders {
		e := &Entry{Name: c.name, Title: c.title, Kind: c.kind, link: link, contender: c}
		e.Trial = bench.Trial{Ready: e.ready, Run: e.race, Done: e.done, Units: tasks}
		made[i] = e
	}
	return made
}

// Requests is how many requests a task took in the last run.
func (e *Entry) Requests() float64 { return e.requests }

func (e *Entry) ready() (err error) {
	if e.env, err = newEnv(e.link, e.Units); err != nil {
		return err
	}
	e.run, err = e.contender.start(e.env)
	e.env.server.ResetCounts()
	runtime.GC()
	return err
}

func (e *Entry) race() error { return e.run() }

// done checks that the server saw what the run was about.
func (e *Entry) done() (err error) {
	if e.env == nil {
		return nil
	}
	r := e.env
	e.env = nil
	defer func() { err = errors.Join(err, r.close()) }()
	e.requests = float64(r.server.TotalRequests()) / float64(r.tasks)
	if stored := r.server.Ledger().Count(sqstest.Accepted) - r.before; stored != r.tasks {
		return fmt.Errorf("transport: %s stored %d messages of %d", e.Name, stored, r.tasks)
	}
	if refused := r.server.ClientErrors(); len(refused) > 0 {
		return fmt.Errorf("transport: %s was refused: %v", e.Name, refused)
	}
	return nil
}

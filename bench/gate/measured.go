package main

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/taskhawk/taskhawk-go/bench"
)

// measured is what a run has found.
type measured struct {
	cells []measuredCell
	calls []measuredCall

	overheads []measuredOverhead
}

// measuredOverhead is what a unit of work costs.
type measuredOverhead struct {
	name          string
	times, allocs float64
}

// measuredCell compares ours with everybody else in a cell.
type measuredCell struct {
	name         string
	rivals       []comparison // the naive one, rivals and typed ones
	allocs       float64
	appendAllocs float64
}

// comparison says how many times faster ours is than another.
type comparison struct {
	name  string
	kind  bench.Kind
	times float64
}

// measuredCall is one of our own calls.
type measuredCall struct {
	name   string
	allocs float64
}

// measure runs what there are goals for: all cells, the calls, whose allocations it
// counts, and the overheads.
func measure(g *goals, rounds int, slice time.Duration) (*measured, error) {
	m := new(measured)
	if g.Cells != nil {
		if err := m.addCells(rounds, slice); err != nil {
			return nil, err
		}
	}
	if g.Overheads != nil {
		var err error
		if m.overheads, err = measureOverheads(rounds, slice); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// addCells measures the cells and the calls.
func (m *measured) addCells(rounds int, slice time.Duration) error {
	cells, err := bench.Cells()
	if err != nil {
		return err
	}
	for _, cell := range cells {
		found, err := measureCell(&cell, rounds, slice)
		if err != nil {
			return err
		}
		m.cells = append(m.cells, found)
	}
	calls, err := bench.Calls()
	if err != nil {
		return err
	}
	for _, call := range calls {
		m.calls = append(m.calls, measuredCall{name: call.Name, allocs: allocations(call.Run)})
	}
	return nil
}

func measureOverheads(rounds int, slice time.Duration) ([]measuredOverhead, error) {
	overheads, err := bench.Overheads()
	if err != nil {
		return nil, err
	}
	var measured []measuredOverhead
	for _, o := range overheads {
		times, err := o.Times(rounds, slice)
		if err != nil {
			return nil, err
		}
		measured = append(measured, measuredOverhead{o.Name, times, allocations(o.Run) / float64(o.Units)})
	}
	return measured, nil
}

func measureCell(cell *bench.Cell, rounds int, slice time.Duration) (measuredCell, error) {
	found := measuredCell{name: cell.Name()}
	var others []bench.Entry
	work := []func() error{cell.Entries[0].Run}
	for _, entry := range cell.Entries {
		switch {
		case entry.Kind == bench.Naive || entry.Kind == bench.Rival || entry.Kind == bench.Typed:
			others, work = append(others, entry), append(work, entry.Run)
		case entry.Kind == bench.Ours && entry.Name == cell.Entries[0].Name:
			found.allocs = allocations(entry.Run)
		case entry.Kind == bench.Ours:
			found.appendAllocs = allocations(entry.Run)
		}
	}
	samples, err := bench.InTurns(work, rounds, slice)
	if err != nil {
		return found, err
	}
	for i, entry := range others {
		found.rivals = append(found.rivals, comparison{name: entry.Name, kind: entry.Kind, times: bench.Cheaper(samples[0], samples[i+1])})
	}
	return found, nil
}

// closest returns the contender of a kind that ours is least ahead of.
func (c *measuredCell) closest(kind bench.Kind) comparison {
	var of []comparison
	for _, rival := range c.rivals {
		if rival.kind == kind {
			of = append(of, rival)
		}
	}
	return slices.MinFunc(of, func(a, b comparison) int { return cmp.Compare(a.times, b.times) })
}

// allocations counts those of one run, once pools are filled.
func allocations(run func() error) float64 {
	const runs = 50
	return testing.AllocsPerRun(runs, func() { _ = run() })
}

// Gate fails when this library is slower, beside others measured in the same minute on
// the same machine, or allocates more than goals.json allows. It measures ours and all
// others in turns, so that a noisy machine decides nothing: only ratios within a round
// count, and of those the median.
//
// With -table it holds nothing to goals and prints the tables of RESULTS.md instead.
//
//	go run ./gate [-goals goals.json] [-only codec|lambda|transport] [-table]
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/bench/transport"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gate:", err)
		os.Exit(1)
	}
}

// errGoals is the error of a run that misses a goal.
var errGoals = errors.New("a goal is missed")

func run(arguments []string, out io.Writer) error {
	g := gate{out: out}
	flags := flag.NewFlagSet("gate", flag.ContinueOnError)
	path := flags.String("goals", "goals.json", "the goals")
	only := flags.String("only", "", "codec, lambda or transport; empty for all")
	table := flags.Bool("table", false, "print every contender's figures as tables in Markdown")
	flags.IntVar(&g.rounds, "rounds", 20, "how often everybody runs in turn")
	flags.DurationVar(&g.slice, "slice", 10*time.Millisecond, "for how long each runs in a round")
	flags.IntVar(&g.trials, "trials", 15, "how often everybody runs in turn against the embedded server")
	flags.IntVar(&g.tasks, "tasks", 1_000, "how many tasks such a run has")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	text, err := os.ReadFile(*path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &g.goals); err != nil {
		return fmt.Errorf("%s: %w", *path, err)
	}
	for _, part := range []struct {
		name, goals string
		hold        func() error
		table       func() error // nil for a part without a table
	}{
		{"codec", "cells", g.holdCells, g.tableCells},
		{"codec", "calls", g.holdCalls, g.tableCalls},
		{"lambda", "overheads", g.holdOverheads, nil},
		{"transport", "transport", g.holdTransport, g.tableTransport},
	} {
		do := part.hold
		if *table {
			do = part.table
		}
		if do == nil || *only != "" && *only != part.name {
			continue
		}
		if err := do(); err != nil {
			return err
		}
		if !*table {
			g.rest(part.goals)
		}
	}
	if g.missed {
		return errGoals
	}
	return nil
}

// gate measures, and prints a line for each goal.
type gate struct {
	out           io.Writer
	rounds        int
	slice         time.Duration
	trials, tasks int

	// goals are those that nothing was held to so far: by part, by the name of what is
	// measured, and by measure.
	goals  map[string]map[string]map[string]float64
	missed bool
}

// tolerance is by what part a measured ratio may miss its goal: medians of two runs
// differ by 2 % on a busy machine.
const tolerance = 0.05

// tries is how often a cell is measured, at most, until all its rounds together meet the
// goals.
const tries = 5

// atLeast holds a ratio to its goal, which must be there.
func (g *gate) atLeast(part, name, measure, title string, found float64) {
	goal, ok := g.take(part, name, measure)
	met := ok && found >= goal*(1-tolerance)
	g.report(met, name+": "+title, fmt.Sprintf("%.2f", found), g.show(ok, goal, "or more"))
}

// atMost holds a number to its goal, which must be there.
func (g *gate) atMost(part, name, measure, title string, found float64) {
	goal, ok := g.take(part, name, measure)
	g.report(ok && found <= goal, name+": "+title, fmt.Sprintf("%.4g", found), g.show(ok, goal, "or less"))
}

func (g *gate) take(part, name, measure string) (goal float64, ok bool) {
	goal, ok = g.goals[part][name][measure]
	delete(g.goals[part][name], measure)
	return goal, ok
}

// rest fails for the goals of a part that nothing was held to: such a goal is none.
func (g *gate) rest(part string) {
	for _, name := range slices.Sorted(maps.Keys(g.goals[part])) {
		for measure := range g.goals[part][name] {
			g.report(false, name+": "+measure, "nothing", "there")
		}
	}
}

func (*gate) show(ok bool, goal float64, limit string) string {
	if !ok {
		return "missing"
	}
	return fmt.Sprintf("%g %s", goal, limit)
}

func (g *gate) report(met bool, subject, found, goal string) {
	word := "ok    "
	if !met {
		word, g.missed = "FAILED", true
	}
	fmt.Fprintf(g.out, "%s  %-62s %8s   goal %s\n", word, subject, found, goal)
}

func (g *gate) holdCells() error {
	cells, err := bench.Cells()
	if err != nil {
		return err
	}
	for i := range cells {
		if err := g.holdCell(&cells[i]); err != nil {
			return err
		}
	}
	return nil
}

func (g *gate) holdCell(cell *bench.Cell) error {
	const part = "cells"
	var others []contender
	var allocs, appendAllocs float64
	work := []func() error{cell.Entries[0].Run}
	for i, entry := range cell.Entries {
		switch entry.Kind {
		case bench.Naive, bench.Rival, bench.Typed:
			others, work = append(others, contender{entry.Name, entry.Kind}), append(work, entry.Run)
		case bench.Ours:
			if i == 0 {
				allocs = allocations(entry.Run)
			} else {
				appendAllocs = allocations(entry.Run)
			}
		default:
		}
	}
	besides := []struct {
		kind           bench.Kind
		measure, title string

		name  string
		times float64
	}{
		{kind: bench.Naive, measure: "naive", title: "times faster than "},
		{kind: bench.Rival, measure: "rival", title: "times faster than the best rival, "},
		{kind: bench.Typed, measure: "typed", title: "times faster than the best with types, "},
	}
	// Other work on the machine takes caches and memory from some more than from others, so
	// a cell that misses a goal is measured again, and all rounds count.
	samples := make([][]bench.Sample, len(work))
	for try, met := 0, false; try < tries && !met; try++ {
		rounds, err := bench.InTurns(work, g.rounds, g.slice)
		if err != nil {
			return err
		}
		for i := range samples {
			samples[i] = append(samples[i], rounds[i]...)
		}
		met = true
		for i := range besides {
			b := &besides[i]
			b.name, b.times = closest(others, b.kind, func(i int) float64 {
				return bench.Cheaper(samples[0], samples[i+1])
			})
			met = met && b.times >= g.goals[part][cell.Name()][b.measure]*(1-tolerance)
		}
	}
	for _, b := range besides {
		g.atLeast(part, cell.Name(), b.measure, b.title+b.name, b.times)
	}
	g.atMost(part, cell.Name(), "allocs", "allocations", allocs)
	g.atMost(part, cell.Name(), "append_allocs", "allocations in a buffer of the caller", appendAllocs)
	return nil
}

// contender is one that ours is compared with.
type contender struct {
	name string
	kind bench.Kind
}

// closest returns the contender of a kind that ours is least ahead of, and by what ratio.
func closest(contenders []contender, kind bench.Kind, ratio func(i int) float64) (name string, least float64) {
	for i, c := range contenders {
		if c.kind != kind {
			continue
		}
		if times := ratio(i); name == "" || times < least {
			name, least = c.name, times
		}
	}
	return name, least
}

// holdCalls looks at the calls that have goals; the others are there to compare.
func (g *gate) holdCalls() error {
	calls, err := bench.Calls()
	if err != nil {
		return err
	}
	for _, call := range calls {
		if _, ok := g.goals["calls"][call.Name]; ok {
			g.atMost("calls", call.Name, "allocs", "allocations", allocations(call.Run))
		}
	}
	return nil
}

func (g *gate) holdOverheads() error {
	overheads, err := bench.Overheads()
	if err != nil {
		return err
	}
	for _, o := range overheads {
		times, err := o.Times(g.rounds, g.slice)
		if err != nil {
			return err
		}
		allocs := allocations(o.Run) / float64(o.Units)
		g.atMost("overheads", o.Name, "times", "times the reading of a message, for each record", times)
		g.atMost("overheads", o.Name, "allocs", "allocations for each record", allocs)
	}
	return nil
}

// allocations counts those of one run, once pools are filled.
func allocations(run func() error) float64 {
	const runs = 50
	return testing.AllocsPerRun(runs, func() { _ = run() })
}

func (g *gate) holdTransport() error {
	cells := transport.Cells(g.tasks)
	for i := range cells {
		if err := g.holdTransportCell(&cells[i]); err != nil {
			return err
		}
	}
	return nil
}

// holdTransportCell compares each way of ours with the faster of the loops by hand, where
// there is a goal for that.
func (g *gate) holdTransportCell(cell *transport.Cell) error {
	const part = "transport"
	var entries []*transport.Entry
	var all []contender
	var trials []bench.Trial
	for _, e := range cell.Entries {
		if e.Kind == bench.Ours || e.Kind == bench.Bare {
			entries, trials = append(entries, e), append(trials, e.Trial)
			all = append(all, contender{e.Name, e.Kind})
		}
	}
	samples, err := bench.TrialsInTurns(trials, g.trials)
	if err != nil {
		return err
	}
	for i, ours := range entries {
		if ours.Kind != bench.Ours {
			continue
		}
		name := cell.Name() + "/" + ours.Name
		if _, ok := g.goals[part][name]["bare"]; ok {
			bare, times := closest(all, bench.Bare, func(j int) float64 { return bench.Faster(samples[i], samples[j]) })
			g.atLeast(part, name, "bare", "speed beside "+bare, times)
		}
		g.atMost(part, name, "requests", "requests a task", ours.Requests())
	}
	return nil
}

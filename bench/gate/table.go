package main

import (
	"fmt"
	"runtime"

	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/bench/transport"
)

// tableCells prints a table for each cell of the codec: every contender, with its ratios
// to the naive one, to the best rival and to the limit.
func (g *gate) tableCells() error {
	cells, err := bench.Cells()
	if err != nil {
		return err
	}
	for i := range cells {
		cell := &cells[i]
		var work []func() error
		for _, e := range cell.Entries {
			work = append(work, e.Run)
		}
		samples, err := bench.InTurns(work, g.rounds, g.slice)
		if err != nil {
			return err
		}
		naive := samples[cheapest(cell, bench.Naive, samples)]
		rival := samples[cheapest(cell, bench.Rival, samples)]
		limit := samples[cheapest(cell, bench.Limit, samples)]
		g.head(cell.Name(), "CPU ns", "B", "allocs",
			"times naive's speed", "times the best rival's", "times the limit's time")
		for j, e := range cell.Entries {
			bytes, allocs := memory(e.Run)
			its := samples[j]
			fmt.Fprintf(g.out, "| %s | %.0f | %.0f | %.0f | %.2f | %.2f | %.2f |\n",
				e.Title, bench.MedianCPU(its), bytes, allocs,
				bench.Cheaper(its, naive), bench.Cheaper(its, rival), bench.Cheaper(limit, its))
		}
	}
	return nil
}

// cheapest returns the index of the contender of a kind that takes the least processor
// time.
func cheapest(cell *bench.Cell, kind bench.Kind, samples [][]bench.Sample) int {
	best := -1
	for i, e := range cell.Entries {
		if e.Kind == kind && (best < 0 || bench.Cheaper(samples[i], samples[best]) > 1) {
			best = i
		}
	}
	return best
}

// tableCalls prints one table of whole dispatches and deliveries.
func (g *gate) tableCalls() error {
	calls, err := bench.Calls()
	if err != nil {
		return err
	}
	var work []func() error
	for _, call := range calls {
		work = append(work, call.Run)
	}
	samples, err := bench.InTurns(work, g.rounds, g.slice)
	if err != nil {
		return err
	}
	g.head("dispatch and delivery", "CPU ns", "B", "allocs")
	for i, call := range calls {
		bytes, allocs := memory(call.Run)
		fmt.Fprintf(g.out, "| %s, %s | %.0f | %.0f | %.0f |\n",
			call.Title, call.Name, bench.MedianCPU(samples[i]), bytes, allocs)
	}
	return nil
}

// tableTransport prints a table for each cell of the transport, with the ratios of ours
// to every contender.
func (g *gate) tableTransport() error {
	cells := transport.Cells(g.tasks)
	for i := range cells {
		cell := &cells[i]
		var trials []bench.Trial
		for _, e := range cell.Entries {
			trials = append(trials, e.Trial)
		}
		samples, err := bench.TrialsInTurns(trials, g.trials)
		if err != nil {
			return err
		}
		g.head(cell.Name(), "µs", "CPU µs", "requests", "our speed to theirs", "their CPU to ours")
		for j, e := range cell.Entries {
			ours, its := samples[0], samples[j]
			fmt.Fprintf(g.out, "| %s | %.1f | %.1f | %.3f | %.2f | %.2f |\n",
				e.Title, bench.MedianTime(its)/1e3, bench.MedianCPU(its)/1e3, e.Requests(),
				bench.Faster(ours, its), bench.Cheaper(ours, its))
		}
	}
	return nil
}

// head prints the head of a table in Markdown.
func (g *gate) head(title string, columns ...string) {
	line, rule := "\n| "+title+" |", "\n|---|"
	for _, column := range columns {
		line, rule = line+" "+column+" |", rule+"---:|"
	}
	fmt.Fprintln(g.out, line+rule)
}

// memory returns the bytes and objects that one run allocates, once pools are filled.
func memory(run func() error) (bytes, allocs float64) {
	const runs = 50
	var before, after runtime.MemStats
	_ = run()
	runtime.ReadMemStats(&before)
	for range runs {
		_ = run()
	}
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / runs, float64(after.Mallocs-before.Mallocs) / runs
}

package main

import (
	"fmt"
	"io"

	"github.com/taskhawk/taskhawk-go/bench"
)

// writeCell writes the table of a cell in Markdown, if it is in the results: what was not
// measured has no row.
func writeCell(out io.Writer, cell *bench.Cell, found results) {
	var rows []row
	for i := range cell.Entries {
		entry := &cell.Entries[i]
		if s, ok := found[cell.Benchmark(entry)]; ok {
			rows = append(rows, row{entry: entry, series: s})
		}
	}
	if len(rows) == 0 {
		return
	}
	naive, rival, limit := fastest(rows, bench.Naive), fastest(rows, bench.Rival), fastest(rows, bench.Limit)
	fmt.Fprintf(out, "\n| %s | CPU ns | B | allocs | times naive's speed | times the best rival's | times the limit's time |\n", cell.Name())
	fmt.Fprintln(out, "|---|---:|---:|---:|---:|---:|---:|")
	for _, r := range rows {
		fmt.Fprintf(out, "| %s | %.0f | %.0f | %.0f | %s | %s | %s |\n",
			r.entry.Title, median(r.times())*1e9, median(r.bytes), median(r.allocs),
			show(naive, r.series), show(rival, r.series), show(r.series, limit))
	}
}

// row is one contender in the table of a cell.
type row struct {
	entry *bench.Entry
	*series
}

// fastest returns the samples of the fastest of a kind, nil if there is none.
func fastest(rows []row, kind bench.Kind) *series {
	var first *series
	for _, r := range rows {
		if r.entry.Kind == kind && (first == nil || median(r.times()) < median(first.times())) {
			first = r.series
		}
	}
	return first
}

// show is empty where one of the two was not measured.
func show(a, b *series) string {
	if a == nil || b == nil {
		return ""
	}
	return fmt.Sprintf("%.2f", ratio(a.times(), b.times()))
}

// writeCalls writes the table of dispatches and deliveries.
func writeCalls(out io.Writer, calls []bench.Call, found results) {
	header := "\n| dispatch and delivery | | CPU ns | B | allocs |\n|---|---|---:|---:|---:|\n"
	for _, call := range calls {
		s, ok := found["Call/"+call.Name]
		if !ok {
			continue
		}
		fmt.Fprintf(out, "%s| %s | %s | %.0f | %.0f | %.0f |\n", header, call.Title, call.Name,
			median(s.times())*1e9, median(s.bytes), median(s.allocs))
		header = ""
	}
}

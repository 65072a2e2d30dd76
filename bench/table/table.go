package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/taskhawk/taskhawk-go/bench"
)

// writeCell writes the table of a cell in Markdown, if it is in the results: who was not measured has no row.
func writeCell(out io.Writer, cell *bench.Cell, found results) {
	var rows []row
	for _, entry := range cell.Entries {
		name := strings.ToUpper(cell.Direction[:1]) + cell.Direction[1:] + "/" + cell.Workload + "/" + entry.Name
		if m, ok := found[name]; ok {
			rows = append(rows, row{entry: entry, medians: m})
		}
	}
	if len(rows) == 0 {
		return
	}
	naive, rival, limit := least(rows, bench.Naive), least(rows, bench.Rival), least(rows, bench.Limit)
	fmt.Fprintf(out, "\n| %s | ns | B | allocs | times naive's speed | times the best rival's | times the limit's time |\n", cell.Name())
	fmt.Fprintln(out, "|---|---:|---:|---:|---:|---:|---:|")
	for _, r := range rows {
		fmt.Fprintf(out, "| %s | %.0f | %.0f | %.0f | %s | %s | %s |\n", r.entry.Title, r.seconds*1e9, r.bytes, r.allocs,
			ratio(naive, r.seconds), ratio(rival, r.seconds), ratio(r.seconds, limit))
	}
}

// row is one contender in the table of a cell.
type row struct {
	entry bench.Entry
	medians
}

// least returns the least time of a kind, in seconds, 0 if there is none.
func least(rows []row, kind bench.Kind) float64 {
	var seconds float64
	for _, r := range rows {
		if r.entry.Kind == kind && (seconds == 0 || r.seconds < seconds) {
			seconds = r.seconds
		}
	}
	return seconds
}

// ratio is empty where one of the two was not measured.
func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}

// writeCalls writes the table of dispatches and deliveries.
func writeCalls(out io.Writer, calls []bench.Call, found results) {
	header := "\n| dispatch and delivery | | ns | B | allocs |\n|---|---|---:|---:|---:|\n"
	for _, call := range calls {
		m, ok := found["Call/"+call.Name]
		if !ok {
			continue
		}
		fmt.Fprintf(out, "%s| %s | %s | %.0f | %.0f | %.0f |\n", header, call.Title, call.Name, m.seconds*1e9, m.bytes, m.allocs)
		header = ""
	}
}

package main

import (
	"fmt"
	"io"

	"github.com/taskhawk/taskhawk-go/bench/transport"
)

// writeTransport writes the table of a cell of the transport, if it is in the results.
// Ratios are to the first contender, which is ours.
func writeTransport(out io.Writer, cell *transport.Cell, found results) {
	ours := found[cell.Benchmark(cell.Entries[0])]
	header := fmt.Sprintf("\n| %s, %s | µs | CPU µs | B | allocs | requests | our speed to theirs | their CPU to ours |\n"+
		"|---|---:|---:|---:|---:|---:|---:|---:|\n", cell.Direction, cell.Link.Title)
	for _, e := range cell.Entries {
		s, ok := found[cell.Benchmark(e)]
		if !ok {
			continue
		}
		speed, cpu := "", ""
		if ours != nil {
			speed = fmt.Sprintf("%.2f", ratio(s.seconds, ours.seconds))
			cpu = fmt.Sprintf("%.2f", ratio(s.cpu, ours.cpu))
		}
		fmt.Fprintf(out, "%s| %s | %.1f | %.1f | %.0f | %.0f | %.3f | %s | %s |\n", header, e.Title,
			median(s.seconds)*1e6, median(s.cpu)*1e6, median(s.bytes), median(s.allocs), median(s.requests), speed, cpu)
		header = ""
	}
}

package main

import (
	"fmt"
	"io"
	"regexp"

	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/bench/transport"
)

// runTransport races those contenders of the transport whose names match.
func runTransport(out io.Writer, only *regexp.Regexp, rounds, tasks int) error {
	for _, cell := range transport.Cells(tasks) {
		var entries []*transport.Entry
		var trials []bench.Trial
		for _, e := range cell.Entries {
			if only.MatchString(cell.Benchmark(e)) {
				entries, trials = append(entries, e), append(trials, e.Trial)
			}
		}
		samples, err := bench.TrialsInTurns(trials, rounds)
		if err != nil {
			return err
		}
		for i, e := range entries {
			for _, s := range samples[i] {
				fmt.Fprintf(out, "Benchmark%s\t%d\t%.1f ns/op\t%.0f B/op\t%.0f allocs/op\t%.1f cpu-ns/op\t%.3f requests/op\n",
					cell.Benchmark(e), s.Runs, s.Time, s.Bytes, s.Allocs, s.CPU, e.Requests())
			}
		}
	}
	return nil
}

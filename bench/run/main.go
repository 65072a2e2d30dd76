// Run measures all cells and calls, the contenders of each in turns, and prints what it
// finds as go test -bench would, a line for each round: input for table and for
// benchstat. On a machine that others use as well the medians of turns are steadier than
// those of go test, which runs one benchmark after another.
//
//	go run ./run [-bench regexp] [-rounds 30] [-slice 5ms] [-trials 10] [-tasks 1000]
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"time"

	"github.com/taskhawk/taskhawk-go/bench"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
}

func run(arguments []string, out io.Writer) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	pattern := flags.String("bench", ".", "which benchmarks, by a regular expression")
	rounds := flags.Int("rounds", 30, "how often everybody runs in turn")
	slice := flags.Duration("slice", 5*time.Millisecond, "for how long each runs in a round")
	trials := flags.Int("trials", 10, "how often everybody runs in turn against the embedded server")
	tasks := flags.Int("tasks", 1_000, "how many tasks such a run has")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	only, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	heats, err := allHeats()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "goos: %s\ngoarch: %s\npkg: github.com/taskhawk/taskhawk-go/bench\n", runtime.GOOS, runtime.GOARCH)
	for _, h := range heats {
		if err := h.run(out, only, *rounds, *slice); err != nil {
			return err
		}
	}
	return runTransport(out, only, *trials, *tasks)
}

// heat is benchmarks that run in turns.
type heat struct {
	names []string
	work  []func() error
}

func (h *heat) add(name string, run func() error) {
	h.names, h.work = append(h.names, name), append(h.work, run)
}

// allHeats returns one heat for each cell, and one for all calls.
func allHeats() ([]*heat, error) {
	cells, err := bench.Cells()
	if err != nil {
		return nil, err
	}
	var heats []*heat
	for _, cell := range cells {
		h := new(heat)
		for _, entry := range cell.Entries {
			h.add(cell.Benchmark(&entry), entry.Run)
		}
		heats = append(heats, h)
	}
	calls, err := bench.Calls()
	if err != nil {
		return nil, err
	}
	h := new(heat)
	for _, call := range calls {
		h.add("Call/"+call.Name, call.Run)
	}
	return append(heats, h), nil
}

// run races those whose names match.
func (h *heat) run(out io.Writer, only *regexp.Regexp, rounds int, slice time.Duration) error {
	var chosen heat
	for i, name := range h.names {
		if only.MatchString(name) {
			chosen.add(name, h.work[i])
		}
	}
	samples, err := bench.InTurns(chosen.work, rounds, slice)
	if err != nil {
		return err
	}
	for i, name := range chosen.names {
		for _, s := range samples[i] {
			fmt.Fprintf(out, "Benchmark%s\t%d\t%.1f ns/op\t%.1f cpu-ns/op\t%.0f B/op\t%.0f allocs/op\n",
				name, s.Runs, s.Time, s.CPU, s.Bytes, s.Allocs)
		}
	}
	return nil
}

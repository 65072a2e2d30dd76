package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// results are the medians of every benchmark, by its name without the number of processors.
type results map[string]medians

// medians are what one run of a benchmark costs.
type medians struct {
	seconds, bytes, allocs float64
}

// errEmpty is the error of input without a benchmark, such as that of a run that did not compile.
var errEmpty = errors.New("no benchmark in the input")

// readResults reads the output of go test -bench -benchmem, of one run or many.
func readResults(in io.Reader) (results, error) {
	samples := map[string]map[string][]float64{}
	reader := benchfmt.NewReader(in, "input")
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, record
		case *benchfmt.Result:
			name := nameOf(record)
			if samples[name] == nil {
				samples[name] = map[string][]float64{}
			}
			for _, value := range record.Values {
				samples[name][value.Unit] = append(samples[name][value.Unit], value.Value)
			}
		}
	}
	if err := reader.Err(); err != nil {
		return nil, fmt.Errorf("read the benchmarks: %w", err)
	}
	if len(samples) == 0 {
		return nil, errEmpty
	}
	found := results{}
	for name, values := range samples {
		found[name] = medians{
			seconds: median(values["sec/op"]), bytes: median(values["B/op"]), allocs: median(values["allocs/op"]),
		}
	}
	return found, nil
}

// nameOf returns the name of a benchmark without the number of processors.
func nameOf(record *benchfmt.Result) string {
	_, parts := record.Name.Parts()
	name := record.Name.String()
	if len(parts) > 0 {
		if last := string(parts[len(parts)-1]); strings.HasPrefix(last, "-") {
			return strings.TrimSuffix(name, last)
		}
	}
	return name
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sample := benchmath.NewSample(values, &benchmath.DefaultThresholds)
	return benchmath.AssumeNothing.Summary(sample, 0).Center
}

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// results are the samples of every benchmark, by its name without the number of
// processors.
type results map[string]*series

// series are the samples of a benchmark, in the order of the input, so that those of one
// round have one index.
type series struct {
	seconds, bytes, allocs, cpu, requests []float64
}

// times are the times by which programs are compared: those of the processor, where they
// were measured.
func (s *series) times() []float64 {
	if len(s.cpu) > 0 {
		return s.cpu
	}
	return s.seconds
}

// errEmpty is the error of input without a benchmark, such as that of a run that did not
// compile.
var errEmpty = errors.New("no benchmark in the input")

// readResults reads the output of go test -bench -benchmem, of one run or many.
func readResults(in io.Reader) (results, error) {
	found := results{}
	reader := benchfmt.NewReader(in, "input")
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, record
		case *benchfmt.Result:
			found.add(record)
		}
	}
	if err := reader.Err(); err != nil {
		return nil, fmt.Errorf("read the benchmarks: %w", err)
	}
	if len(found) == 0 {
		return nil, errEmpty
	}
	return found, nil
}

func (r results) add(record *benchfmt.Result) {
	name := nameOf(record)
	if r[name] == nil {
		r[name] = new(series)
	}
	s := r[name]
	for _, value := range record.Values {
		switch value.Unit {
		case "sec/op":
			s.seconds = append(s.seconds, value.Value)
		case "B/op":
			s.bytes = append(s.bytes, value.Value)
		case "allocs/op":
			s.allocs = append(s.allocs, value.Value)
		case "cpu-sec/op":
			s.cpu = append(s.cpu, value.Value)
		case "requests/op":
			s.requests = append(s.requests, value.Value)
		}
	}
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
	sample := benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds) // it sorts what it is given
	return benchmath.AssumeNothing.Summary(sample, 0).Center
}

// ratio returns how many times longer a took than b: the median over the rounds if both
// were in the same ones, else that of the medians.
func ratio(a, b []float64) float64 {
	if len(a) != len(b) {
		return median(a) / median(b)
	}
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return median(ratios)
}

package main

import (
	"cmp"
	"fmt"
	"slices"
)

// line sums up all checks of one fault.
type line struct {
	report

	checks int
}

// numbers are the faults that the suite is about.
func numbers() []string {
	var all []string
	for n := 1; n <= 75; n++ {
		if n <= 65 || n >= 70 {
			all = append(all, fmt.Sprintf("T%02d", n))
		}
	}
	return all
}

// summarize makes a line for each fault, also for those without a report, in the order of
// their numbers. Reports of other numbers, such as T00, the run without a fault, come
// where they belong.
func summarize(found []report) []line {
	slices.SortFunc(found, func(a, b report) int { return cmp.Compare(a.Test, b.Test) })
	byNumber := map[string]*line{}
	for _, number := range numbers() {
		byNumber[number] = &line{report: report{Number: number}}
	}
	for _, r := range found {
		l := byNumber[r.Number]
		if l == nil {
			l = &line{report: report{Number: r.Number}}
			byNumber[r.Number] = l
		}
		l.add(r)
	}
	var lines []line
	for _, l := range byNumber {
		lines = append(lines, *l)
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.Number, b.Number) })
	return lines
}

// add counts a check of the fault. The fault is described as the first of its tests does.
func (l *line) add(r report) {
	l.checks++
	l.What = cmp.Or(l.What, r.What)
	l.Tasks += r.Tasks
	l.Runs += r.Runs
	l.Lost += r.Lost
	l.Explained += r.Explained
	l.Unexplained += r.Unexplained
	l.Notes = append(l.Notes, r.Notes...)
}

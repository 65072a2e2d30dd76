package main

import (
	"fmt"
	"slices"

	"github.com/taskhawk/taskhawk-go/bench"
)

// verdict is one goal, and whether it is met.
type verdict struct {
	subject string // such as "encode/small: times faster than naive"
	found   string
	goal    string
	met     bool
}

// String returns a line of the report.
func (v verdict) String() string {
	word := "ok    "
	if !v.met {
		word = "FAILED"
	}
	return fmt.Sprintf("%s  %-62s %8s   goal %s", word, v.subject, v.found, v.goal)
}

// tolerance is by what part a measured ratio may miss its goal: medians of two runs
// differ by 2 % on a busy machine.
const tolerance = 0.05

// judge holds what was measured against the goals. A cell without goals and a goal
// without a measurement fail as well.
func judge(g *goals, m *measured) []verdict {
	var verdicts []verdict
	for i := range m.cells {
		cell := &m.cells[i]
		goal, ok := g.Cells[cell.name]
		if !ok {
			verdicts = append(verdicts, verdict{subject: cell.name, found: "measured", goal: "missing"})
			continue
		}
		verdicts = append(verdicts, cell.judge(&goal)...)
	}
	for name := range g.Cells {
		if !hasCell(m.cells, name) {
			verdicts = append(verdicts, verdict{subject: name, found: "nothing", goal: "there"})
		}
	}
	for name, goal := range g.Calls {
		found := verdict{subject: name + ": allocations", found: "nothing", goal: "there"}
		for _, call := range m.calls {
			if call.name == name {
				found = atMost(found.subject, call.allocs, goal.Allocs)
			}
		}
		verdicts = append(verdicts, found)
	}
	return append(verdicts, judgeOverheads(g.Overheads, m.overheads)...)
}

func judgeOverheads(goals map[string]overheadGoals, measured []measuredOverhead) []verdict {
	var verdicts []verdict
	for _, found := range measured {
		goal, ok := goals[found.name]
		if !ok {
			verdicts = append(verdicts, verdict{subject: found.name, found: "measured", goal: "missing"})
			continue
		}
		verdicts = append(verdicts,
			atMost(found.name+": times the reading of a message, for each record", found.times, goal.Times),
			atMost(found.name+": allocations for each record", found.allocs, goal.Allocs))
	}
	for name := range goals {
		if !slices.ContainsFunc(measured, func(m measuredOverhead) bool { return m.name == name }) {
			verdicts = append(verdicts, verdict{subject: name, found: "nothing", goal: "there"})
		}
	}
	return verdicts
}

func hasCell(cells []measuredCell, name string) bool {
	for i := range cells {
		if cells[i].name == name {
			return true
		}
	}
	return false
}

func (c *measuredCell) judge(goal *cellGoals) []verdict {
	naive, rival, typed := c.closest(bench.Naive), c.closest(bench.Rival), c.closest(bench.Typed)
	return []verdict{
		atLeast(c.name+": times faster than "+naive.name, naive.times, goal.Naive),
		atLeast(c.name+": times faster than the best rival, "+rival.name, rival.times, goal.Rival),
		atLeast(c.name+": times faster than the best with types, "+typed.name, typed.times, goal.Typed),
		atMost(c.name+": allocations", c.allocs, goal.Allocs),
		atMost(c.name+": allocations in a buffer of the caller", c.appendAllocs, goal.AppendAllocs),
	}
}

func atLeast(subject string, found, goal float64) verdict {
	return verdict{subject: subject, found: fmt.Sprintf("%.2f", found), goal: fmt.Sprintf("%g or more", goal), met: found >= goal*(1-tolerance)}
}

func atMost(subject string, found, goal float64) verdict {
	return verdict{subject: subject, found: fmt.Sprintf("%.4g", found), goal: fmt.Sprintf("%g or less", goal), met: found <= goal}
}

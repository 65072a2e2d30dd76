package main

import (
	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/bench/transport"
)

// transportGoals are the goals of one of our ways to publish or to work over one link.
type transportGoals struct {
	// Bare is the least part of the speed of the faster loop by hand that ours must have;
	// 0 where that is not judged.
	Bare float64 `json:"bare"`
	// Requests are the most that a task may take.
	Requests float64 `json:"requests"`
}

// measuredTransport compares each way of ours with the faster of the loops by hand.
type measuredTransport struct {
	name     string // such as "work/loopback/taskhawk"
	bare     comparison
	requests float64
}

// trialRounds is how often everybody runs in turn, and trialTasks with how many tasks.
const (
	trialRounds = 15
	trialTasks  = 1_000
)

func measureTransport() ([]measuredTransport, error) {
	var measured []measuredTransport
	for _, cell := range transport.Cells(trialTasks) {
		found, err := measureTransportCell(&cell)
		if err != nil {
			return nil, err
		}
		measured = append(measured, found...)
	}
	return measured, nil
}

func measureTransportCell(cell *transport.Cell) ([]measuredTransport, error) {
	var entries []*transport.Entry
	var trials []bench.Trial
	for _, e := range cell.Entries {
		if e.Kind == bench.Ours || e.Kind == bench.Bare {
			entries, trials = append(entries, e), append(trials, e.Trial)
		}
	}
	samples, err := bench.TrialsInTurns(trials, trialRounds)
	if err != nil {
		return nil, err
	}
	var measured []measuredTransport
	for i, ours := range entries {
		if ours.Kind != bench.Ours {
			continue
		}
		found := measuredTransport{name: cell.Name() + "/" + ours.Name, requests: ours.Requests()}
		for j, other := range entries {
			if times := bench.Faster(samples[i], samples[j]); other.Kind == bench.Bare && (found.bare.name == "" || times < found.bare.times) {
				found.bare = comparison{name: other.Name, kind: other.Kind, times: times}
			}
		}
		measured = append(measured, found)
	}
	return measured, nil
}

// judgeTransport holds the transport against its goals.
func judgeTransport(goals map[string]transportGoals, measured []measuredTransport) []verdict {
	var verdicts []verdict
	seen := map[string]bool{}
	for _, m := range measured {
		seen[m.name] = true
		goal, ok := goals[m.name]
		if !ok {
			verdicts = append(verdicts, verdict{subject: m.name, found: "measured", goal: "missing"})
			continue
		}
		if goal.Bare > 0 {
			verdicts = append(verdicts, atLeast(m.name+": speed beside "+m.bare.name, m.bare.times, goal.Bare))
		}
		verdicts = append(verdicts, atMost(m.name+": requests a task", m.requests, goal.Requests))
	}
	for name := range goals {
		if !seen[name] {
			verdicts = append(verdicts, verdict{subject: name, found: "nothing", goal: "there"})
		}
	}
	return verdicts
}

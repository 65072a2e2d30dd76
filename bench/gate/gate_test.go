package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/bench/transport"
)

func TestMain(m *testing.M) {
	var options []goleak.Option
	for _, name := range transport.Leaks() {
		options = append(options, goleak.IgnoreTopFunction(name))
	}
	goleak.VerifyTestMain(m, options...)
}

// Goals that anything meets are changed, one for each of the failures that are wanted.
//
//nolint:paralleltest // allocations are counted, which are everybody's
func TestGateFindsEveryMissedGoal(t *testing.T) {
	for part, c := range map[string]struct {
		change func(allGoals)
		want   []string
	}{
		"codec": {
			func(g allGoals) {
				g["cells"]["encode/small"] = map[string]float64{
					"naive": 1e9, "rival": 1e9, "typed": 1e9, "allocs": 0, "append_allocs": -1, "naiv": 1,
				}
				delete(g["cells"]["decode/large"], "naive")
				g["cells"]["encode/gone"] = map[string]float64{"naive": 1}
				g["calls"]["handle/small"]["allocs"] = 0
				g["calls"]["gone"] = map[string]float64{"allocs": 1}
			},
			[]string{
				"encode/small: times faster than naive",
				"encode/small: times faster than the best rival, ",
				"encode/small: times faster than the best with types, ",
				"encode/small: allocations",
				"encode/small: allocations in a buffer of the caller",
				"decode/large: times faster than naive",
				"encode/gone: naive",
				"encode/small: naiv",
				"handle/small: allocations",
				"gone: allocs",
			},
		},
		"lambda": {
			func(g allGoals) {
				g["overheads"]["lambda/sqs/10"] = map[string]float64{"times": -1e9, "allocs": 0}
				delete(g["overheads"], "lambda/sqs/1000")
				g["overheads"]["gone"] = map[string]float64{"times": 1}
				g["cells"]["encode/small"]["naive"] = 1e9 // of a part that is left out
			},
			[]string{
				"lambda/sqs/10: times the reading of a message, for each record",
				"lambda/sqs/10: allocations for each record",
				"lambda/sqs/1000: times the reading of a message, for each record",
				"lambda/sqs/1000: allocations for each record",
				"gone: times",
			},
		},
		"transport": {
			func(g allGoals) {
				g["transport"]["work/process/taskhawk"]["bare"] = 1e9
				g["transport"]["publish/process/taskhawk"]["requests"] = 0
				g["transport"]["gone"] = map[string]float64{"requests": 1}
			},
			[]string{
				"publish/process/taskhawk: requests a task",
				"work/process/taskhawk: speed beside bare",
				"gone: requests",
			},
		},
	} {
		t.Run(part, func(t *testing.T) {
			found := missed(t, part, c.change)
			require.Len(t, found, len(c.want), found)
			for i, want := range c.want {
				require.True(t, strings.HasPrefix(found[i], want), "%s, not %s", found[i], want)
			}
		})
	}
	require.Empty(t, missed(t, "codec", func(allGoals) {}))
}

type allGoals map[string]map[string]map[string]float64

// missed returns the subjects of the goals of a part that a short run misses, with the
// goals of goals.json made so low that all are met, and then changed.
func missed(t *testing.T, part string, change func(allGoals)) []string {
	t.Helper()
	text, err := os.ReadFile("../goals.json")
	require.NoError(t, err)
	var goals allGoals
	require.NoError(t, json.Unmarshal(text, &goals))
	for _, names := range goals {
		for _, measures := range names {
			for measure := range measures {
				switch measure {
				case "naive", "rival", "typed", "bare":
					measures[measure] = 0
				default:
					measures[measure] = 1e9
				}
			}
		}
	}
	change(goals)
	text, err = json.Marshal(goals)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "goals.json")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	var out strings.Builder
	err = run([]string{
		"-goals", path, "-only", part, "-rounds", "1", "-slice", "1us", "-trials", "1", "-tasks", "20",
	}, &out)
	var subjects []string
	for _, line := range regexp.MustCompile(`(?m)^FAILED  (.*?) +\S+   goal `).FindAllStringSubmatch(out.String(), -1) {
		subjects = append(subjects, line[1])
	}
	if subjects == nil {
		require.NoError(t, err)
	} else {
		require.ErrorIs(t, err, errGoals)
	}
	return subjects
}

// Every table has a row for each contender, and ours is the first.
//
//nolint:paralleltest // allocations are counted, which are everybody's
func TestTablesHaveEveryContender(t *testing.T) {
	cells, err := bench.Cells()
	require.NoError(t, err)
	rows := 0
	for _, cell := range cells {
		rows += len(cell.Entries)
	}
	calls, err := bench.Calls()
	require.NoError(t, err)
	found := tables(t, "codec")
	require.Regexp(t, `^\n\| encode/small \| CPU ns .*\n\|---\|.*\n\| \*\*taskhawk\*\* \| [1-9]\d* \| 352 \| 1 \|`, found)
	require.Equal(t, 2*(len(cells)+1)+rows+len(calls), strings.Count(found, "\n|"))
	naive := regexp.MustCompile(`(?m)^\| encoding/json, .*any.* \| \d+ \| \d+ \| \d+ \| 1\.00 \|`)
	require.Len(t, naive.FindAllString(found, -1), len(cells), "the naive one has one times its own speed")

	rows = 0
	for _, cell := range transport.Cells(20) {
		rows += len(cell.Entries) + 2
	}
	require.Equal(t, rows, strings.Count(tables(t, "transport"), "\n|"))
}

func tables(t *testing.T, part string) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, run([]string{
		"-goals", "../goals.json", "-table", "-only", part, "-rounds", "1", "-slice", "1us", "-trials", "1", "-tasks", "20",
	}, &out))
	return out.String()
}

func TestRunRefusesGoalsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "goals.json")
	require.ErrorIs(t, run([]string{"-goals", path}, nil), os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte(`{"cells":{"encode/small":6}}`), 0o600))
	require.ErrorContains(t, run([]string{"-goals", path}, nil), "cannot unmarshal number")
}

func TestClosestIsTheOneThatOursIsLeastAheadOf(t *testing.T) {
	t.Parallel()
	contenders := []contender{{"naive", bench.Naive}, {"slow", bench.Rival}, {"quick", bench.Rival}}
	ratios := []float64{0.1, 3, 1}
	name, times := closest(contenders, bench.Rival, func(i int) float64 { return ratios[i] })
	require.Equal(t, "quick", name)
	require.InDelta(t, 1, times, 0)
}

func TestARatioMayMissItsGoalByALittle(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	g := gate{out: &out, goals: allGoals{"cells": {"a": {"naive": 6}, "b": {"naive": 6}}}}
	g.atLeast("cells", "a", "naive", "times", 5.71)
	require.False(t, g.missed)
	g.atLeast("cells", "b", "naive", "times", 5.69)
	require.True(t, g.missed, out.String())
}

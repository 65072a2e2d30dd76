package main

import (
	"bytes"
	"os"
	"path/filepath"
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

// example is a run that just meets the goals of exampleGoals.
func example() *measured {
	return &measured{
		cells: []measuredCell{{
			name: "encode/small", allocs: 1, appendAllocs: 0,
			rivals: []comparison{
				{name: "naive", kind: bench.Naive, times: 5.71},
				{name: "slow", kind: bench.Rival, times: 3}, {name: "quick", kind: bench.Rival, times: 1},
				{name: "typed", kind: bench.Typed, times: 0.5},
			},
		}},
		calls:     []measuredCall{{name: "dispatch/small", allocs: 6}},
		overheads: []measuredOverhead{{name: "lambda/sqs/10", times: 3, allocs: 12}},
	}
}

func exampleGoals() *goals {
	return &goals{
		Cells: map[string]cellGoals{"encode/small": {Naive: 6, Rival: 1, Typed: 0.5, Allocs: 1}},
		Calls: map[string]callGoals{"dispatch/small": {Allocs: 6}},

		Overheads: map[string]overheadGoals{"lambda/sqs/10": {Times: 3, Allocs: 12}},
	}
}

// missed returns the subjects of the goals that are missed.
func missed(verdicts []verdict) []string {
	var subjects []string
	for _, v := range verdicts {
		if !v.met {
			subjects = append(subjects, v.subject)
		}
	}
	return subjects
}

func TestJudgeAcceptsWhatMeetsTheGoals(t *testing.T) {
	t.Parallel()
	verdicts := judge(exampleGoals(), example())
	require.Len(t, verdicts, 8)
	require.Empty(t, missed(verdicts))
}

func TestJudgeFindsEveryMissedGoal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(g *goals, m *measured)
		want   string
	}{
		"slower than naive allows": {func(_ *goals, m *measured) { m.cells[0].rivals[0].times = 5.69 }, "encode/small: times faster than naive"},
		"slower than a rival": {
			func(_ *goals, m *measured) { m.cells[0].rivals[1].times = 0.9 }, "encode/small: times faster than the best rival, slow",
		},
		"slower than a typed one allows": {
			func(_ *goals, m *measured) { m.cells[0].rivals[3].times = 0.4 }, "encode/small: times faster than the best with types, typed",
		},
		"allocates": {func(_ *goals, m *measured) { m.cells[0].allocs = 2 }, "encode/small: allocations"},
		"allocates when it appends": {
			func(_ *goals, m *measured) { m.cells[0].appendAllocs = 1 }, "encode/small: allocations in a buffer of the caller",
		},
		"a call allocates":      {func(_ *goals, m *measured) { m.calls[0].allocs = 7 }, "dispatch/small: allocations"},
		"a cell without goals":  {func(_ *goals, m *measured) { m.cells = append(m.cells, measuredCell{name: "new"}) }, "new"},
		"goals without a cell":  {func(g *goals, _ *measured) { g.Cells["gone"] = cellGoals{} }, "gone"},
		"a goal without a call": {func(g *goals, _ *measured) { g.Calls["gone"] = callGoals{} }, "gone: allocations"},
		"a record costs time": {
			func(_ *goals, m *measured) { m.overheads[0].times = 3.1 }, "lambda/sqs/10: times the reading of a message, for each record",
		},
		"a record allocates":        {func(_ *goals, m *measured) { m.overheads[0].allocs = 13 }, "lambda/sqs/10: allocations for each record"},
		"an overhead without goals": {func(g *goals, _ *measured) { delete(g.Overheads, "lambda/sqs/10") }, "lambda/sqs/10"},
		"goals without an overhead": {func(g *goals, _ *measured) { g.Overheads["gone"] = overheadGoals{} }, "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, m := exampleGoals(), example()
			c.change(g, m)
			require.Equal(t, []string{c.want}, missed(judge(g, m)))
		})
	}
}

func TestGateFailsWhenAGoalIsImpossible(t *testing.T) { //nolint:paralleltest // it counts allocations, which are everybody's
	text, err := os.ReadFile("../goals.json")
	require.NoError(t, err)
	impossible := filepath.Join(t.TempDir(), "goals.json")
	require.NoError(t, os.WriteFile(impossible, bytes.Replace(text, []byte(`"handle/small": {"allocs": 8}`), []byte(`"handle/small": {"allocs": 0}`), 1), 0o600))
	var out strings.Builder
	require.ErrorIs(t, run([]string{"-goals", impossible, "-rounds", "1", "-slice", "1us", "-only", "codec"}, &out), errGoals)
	require.Regexp(t, `FAILED  handle/small: allocations +[1-9]\d*   goal 0 or less`, out.String())
}

func TestReadGoalsRefusesNamesThatMeanNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "goals.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"cells":{"encode/small":{"naiv":6}}}`), 0o600))
	_, err := readGoals(path)
	require.ErrorContains(t, err, `unknown field "naiv"`)
	_, err = readGoals(path + ".gone")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestTransportIsJudgedByItsGoals(t *testing.T) {
	t.Parallel()
	goals := map[string]transportGoals{"work/process/taskhawk": {Bare: 0.9, Requests: 0.22}}
	measured := func(times, requests float64) []measuredTransport {
		return []measuredTransport{{name: "work/process/taskhawk", bare: comparison{name: "bare", times: times}, requests: requests}}
	}
	require.Empty(t, missed(judgeTransport(goals, measured(0.9, 0.22))))
	require.Equal(t, []string{"work/process/taskhawk: speed beside bare"}, missed(judgeTransport(goals, measured(0.8, 0.22))))
	require.Equal(t, []string{"work/process/taskhawk: requests a task"}, missed(judgeTransport(goals, measured(1.2, 0.23))))
	require.Equal(t, []string{"work/process/taskhawk"}, missed(judgeTransport(nil, measured(1.2, 0.2))))
	require.Equal(t, []string{"work/process/taskhawk"}, missed(judgeTransport(goals, nil)))
}

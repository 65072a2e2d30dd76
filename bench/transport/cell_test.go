package transport_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/bench/transport"
)

// Everybody stores, or deletes, all tasks: the trials check it.
//
//nolint:paralleltest // trials take turns
func TestEveryContenderDoesTheWork(t *testing.T) {
	names := map[string]bool{}
	for _, cell := range transport.Cells(200) {
		require.Equal(t, bench.Ours, cell.Entries[0].Kind)
		for _, e := range cell.Entries {
			require.False(t, names[cell.Benchmark(e)], "names tell them apart")
			names[cell.Benchmark(e)] = true
			samples, err := bench.TrialsInTurns([]bench.Trial{e.Trial}, 1)
			require.NoError(t, err, cell.Benchmark(e))
			require.Positive(t, samples[0][0].Time)
			require.Positive(t, samples[0][0].CPU)
		}
	}
}

// As many requests as by hand: what it costs, whatever the machine does meanwhile.
//
//nolint:paralleltest // trials take turns
func TestRequestsOfATask(t *testing.T) {
	for _, cell := range transport.Cells(2_000) {
		for _, e := range cell.Entries {
			if e.Kind != bench.Ours {
				continue
			}
			_, err := bench.TrialsInTurns([]bench.Trial{e.Trial}, 1)
			require.NoError(t, err)
			t.Logf("%s: %.3f", cell.Benchmark(e), e.Requests())
			most := map[string]float64{"publish": 0.11, "work": 0.24}[cell.Direction]
			require.LessOrEqual(t, e.Requests(), most, cell.Benchmark(e))
		}
	}
}

package transport_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/bench/transport"
)

// tasksInARun is how many tasks one operation of the benchmarks publishes, or works off.
const tasksInARun = 1_000

func BenchmarkPublish(b *testing.B) { benchmarkCells(b, "publish") }

func BenchmarkWork(b *testing.B) { benchmarkCells(b, "work") }

func benchmarkCells(b *testing.B, direction string) {
	b.Helper()
	for _, cell := range transport.Cells(tasksInARun) {
		if cell.Direction != direction {
			continue
		}
		for _, e := range cell.Entries {
			b.Run(cell.Link.Name+"/"+e.Name, func(b *testing.B) { benchmarkEntry(b, e) })
		}
	}
}

// benchmarkEntry measures the runs alone: what makes them ready, and clears away after
// them, does not count.
func benchmarkEntry(b *testing.B, e *transport.Entry) {
	b.Helper()
	var samples []bench.Sample
	for b.Loop() {
		measured, err := bench.TrialsInTurns([]bench.Trial{e.Trial}, 1)
		require.NoError(b, err)
		samples = append(samples, measured[0]...)
	}
	var sum bench.Sample
	for _, s := range samples {
		sum.Time += s.Time
		sum.CPU += s.CPU
	}
	n := float64(len(samples))
	b.ReportMetric(0, "ns/op") // it would count what is not the run
	b.ReportMetric(sum.Time/n, "ns/task")
	b.ReportMetric(sum.CPU/n, "cpu-ns/task")
	b.ReportMetric(e.Requests(), "requests/task")
}

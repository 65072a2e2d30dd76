package bench_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/bench"
)

func BenchmarkEncode(b *testing.B) { benchmarkCells(b, "encode") }

func BenchmarkDecode(b *testing.B) { benchmarkCells(b, "decode") }

func benchmarkCells(b *testing.B, direction string) {
	b.Helper()
	cells, err := bench.Cells()
	require.NoError(b, err)
	for _, cell := range cells {
		if cell.Direction != direction {
			continue
		}
		for _, entry := range cell.Entries {
			b.Run(cell.Workload+"/"+entry.Name, func(b *testing.B) { repeat(b, entry.Run) })
		}
	}
}

func BenchmarkCall(b *testing.B) {
	calls, err := bench.Calls()
	require.NoError(b, err)
	for _, call := range calls {
		b.Run(call.Name, func(b *testing.B) { repeat(b, call.Run) })
	}
}

func repeat(b *testing.B, run func() error) {
	b.Helper()
	held := make([]byte, bench.Ballast)
	defer runtime.KeepAlive(held)
	b.ReportAllocs()
	for range 10 { // what compiles or fills pools at first is no part of it
		if err := run(); err != nil {
			b.Fatal(err)
		}
	}
	cpu := bench.ProcessorTime()
	for b.Loop() {
		if err := run(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(bench.ProcessorTime()-cpu)/float64(b.N), "cpu-ns/op")
}

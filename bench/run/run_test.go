package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/bench/transport"
)

func TestMain(m *testing.M) {
	var options []goleak.Option
	for _, name := range transport.Leaks() {
		options = append(options, goleak.IgnoreTopFunction(name))
	}
	goleak.VerifyTestMain(m, options...)
}

func TestRunPrintsALineForEachRound(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run([]string{"-bench", "small/(taskhawk|copy)$|^Call/handle/small$", "-rounds", "2", "-slice", "10us"}, &out))
	var names []string
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "Benchmark") {
			require.Regexp(t, `^Benchmark\S+\t\d+\t\d+\.\d ns/op\t\d+\.\d cpu-ns/op\t\d+ B/op\t\d+ allocs/op\n$`, line)
			name, _, _ := strings.Cut(line, "\t")
			names = append(names, name)
		}
	}
	require.Equal(t, []string{
		"BenchmarkEncode/small/taskhawk", "BenchmarkEncode/small/taskhawk", "BenchmarkEncode/small/copy", "BenchmarkEncode/small/copy",
		"BenchmarkDecode/small/taskhawk", "BenchmarkDecode/small/taskhawk", "BenchmarkCall/handle/small", "BenchmarkCall/handle/small",
	}, names)
}

func TestRunRefusesABadPattern(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.ErrorContains(t, run([]string{"-bench", "("}, &out), "missing closing")
	require.Empty(t, out.String())
}

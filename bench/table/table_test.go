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

const output = `goos: linux
goarch: amd64
pkg: github.com/taskhawk/taskhawk-go/bench
BenchmarkEncode/small/taskhawk-2         	 2845094	       777 ns/op	 100.0 cpu-ns/op	     352 B/op	       1 allocs/op
BenchmarkEncode/small/naive-2            	  124750	      777 ns/op	 1000 cpu-ns/op	    1144 B/op	      19 allocs/op
BenchmarkEncode/small/sonic-raw-2        	  124750	       777 ns/op	 400.0 cpu-ns/op	     144 B/op	       9 allocs/op
BenchmarkEncode/small/goccy-raw-2        	  124750	       777 ns/op	 300.0 cpu-ns/op	     144 B/op	       9 allocs/op
BenchmarkEncode/small/copy-2             	  124750	        777 ns/op	 50.0 cpu-ns/op	     352 B/op	       1 allocs/op
BenchmarkCall/handle/small/middleware3-2 	   72547	      2468 ns/op	     688 B/op	       6 allocs/op
PASS
BenchmarkEncode/small/taskhawk-2         	 2845094	       777 ns/op	 200.0 cpu-ns/op	     352 B/op	       1 allocs/op
BenchmarkEncode/small/taskhawk-2         	 2845094	      777 ns/op	 9000 cpu-ns/op	     352 B/op	       1 allocs/op
`

func TestTableShowsMediansAndRatios(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(strings.NewReader(output), &out))
	require.Equal(t, `
| encode/small | CPU ns | B | allocs | times naive's speed | times the best rival's | times the limit's time |
|---|---:|---:|---:|---:|---:|---:|
| **taskhawk** | 200 | 352 | 1 | 5.00 | 1.50 | 4.00 |
| encoding/json, `+"`[]any` and `map[string]any`"+` | 1000 | 1144 | 19 | 1.00 | 0.30 | 20.00 |
| goccy/go-json, `+"`RawMessage`"+` | 300 | 144 | 9 | 3.33 | 1.00 | 6.00 |
| bytedance/sonic, `+"`RawMessage`"+` | 400 | 144 | 9 | 2.50 | 0.75 | 8.00 |
| limit: allocate and copy | 50 | 352 | 1 | 20.00 | 6.00 | 1.00 |

| dispatch and delivery | | CPU ns | B | allocs |
|---|---|---:|---:|---:|
| Hub.Handle | handle/small/middleware3 | 2468 | 688 | 6 |
`, out.String())
}

func TestTableShowsTheTransport(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(strings.NewReader(
		"BenchmarkWork/process/taskhawk 1000 2000 ns/op 300 B/op 20 allocs/op 1000 cpu-ns/op 0.201 requests/op\n"+
			"BenchmarkWork/process/bare 1000 3000 ns/op 200 B/op 10 allocs/op 900 cpu-ns/op 0.200 requests/op\n"), &out))
	require.Equal(t, `
| work, in process | µs | CPU µs | B | allocs | requests | our speed to theirs | their CPU to ours |
|---|---:|---:|---:|---:|---:|---:|---:|
| **taskhawk**, `+"`sqsx.Worker`"+` | 2.0 | 1.0 | 300 | 20 | 0.201 | 1.00 | 1.00 |
| bare SDK, receive 10, delete 10 | 3.0 | 0.9 | 200 | 10 | 0.200 | 1.50 | 0.90 |
`, out.String())
}

func TestTableComparesWithinRounds(t *testing.T) {
	t.Parallel()
	var out, in strings.Builder
	for _, round := range [][2]string{{"100", "300"}, {"1000", "4000"}, {"10", "50"}} {
		in.WriteString("BenchmarkEncode/small/taskhawk 10 " + round[0] + " ns/op\nBenchmarkEncode/small/naive 10 " + round[1] + " ns/op\n")
	}
	require.NoError(t, run(strings.NewReader(in.String()), &out))
	require.Contains(t, out.String(), "| **taskhawk** | 100 | 0 | 0 | 4.00 |  |  |\n")
}

func TestTableReadsOneProcessor(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(strings.NewReader("BenchmarkEncode/small/taskhawk 10 5 ns/op\n"), &out))
	require.Contains(t, out.String(), "| **taskhawk** | 5 | 0 | 0 |  |  |  |\n", "no ratio to what was not measured")
}

func TestTableRefusesNothing(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.ErrorIs(t, run(strings.NewReader("FAIL\n"), &out), errEmpty)
}

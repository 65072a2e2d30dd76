package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, // what gocloud.dev leaves behind, for ever and when a Receive is cancelled
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		goleak.IgnoreTopFunction("gocloud.dev/pubsub.(*Subscription).Receive.func2"))
}

// Everybody works all tasks off, however long that takes.
//
//nolint:paralleltest // each would be slower beside the others
func TestEveryContenderWorks(t *testing.T) {
	const tasks = 1000
	for _, c := range contenders() {
		for _, queues := range []int{1, 4} {
			one, start := result{row: row{concurrency: 20, takes: 20 * time.Millisecond, queues: queues}}, time.Now()
			require.NoError(t, during(c, one.row, tasks/queues, func(e *env) {
				require.Eventually(t, func() bool { return e.done.Load() == tasks }, time.Minute, time.Millisecond, c.name)
				one.done, one.calls, one.took = tasks, int64(e.server.TotalRequests()), time.Since(start)
			}), c.name)
			require.Less(t, one.share(), 1.1, c.name)
			require.GreaterOrEqual(t, one.requests(), 0.15, c.name)
			require.LessOrEqual(t, one.requests(), 1.6, c.name)
		}
	}
}

//nolint:paralleltest // it would be slower beside the others
func TestARunIsMeasuredForItsTime(t *testing.T) {
	one, err := measure(contenders()[0], row{concurrency: 20, takes: 20 * time.Millisecond, queues: 1})
	require.NoError(t, err)
	require.GreaterOrEqual(t, one.took, measured)
	require.Less(t, one.share(), 1.1)
}

func TestMedians(t *testing.T) {
	t.Parallel()
	ratio := func(done ...int64) []result {
		results := make([]result, len(done))
		for i, n := range done {
			results[i] = result{row: rows()[0], done: n, took: time.Second}
		}
		return results
	}
	require.InDelta(t, 0.2, median(ratio(100, 400, 900), result.share), 1e-9)
	require.InDelta(t, 0.25, median(ratio(100, 400, 900, 600), result.share), 1e-9)
	require.InDelta(t, 0.9, medianRatio(ratio(90, 500, 100), ratio(100, 400, 1000)), 1e-9)
}

// Benchmark measures one row and worker at a time: -bench '400.*/taskhawk' -benchtime 3x.
func Benchmark(b *testing.B) {
	for _, r := range rows() {
		for _, c := range contenders() {
			b.Run(strings.ReplaceAll(r.String(), ", ", "-")+"/"+c.name, func(b *testing.B) {
				var results []result
				for b.Loop() {
					one, err := measure(c, r)
					require.NoError(b, err)
					results = append(results, one)
				}
				b.ReportMetric(100*median(results, result.share), "%ideal")
				b.ReportMetric(median(results, result.requests), "requests/task")
				b.ReportMetric(median(results, result.cpu), "cpu-µs/task")
			})
		}
	}
}

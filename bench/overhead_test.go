package bench_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/bench"
)

func TestOverheadsDoTheirWork(t *testing.T) {
	t.Parallel()
	overheads, err := bench.Overheads()
	require.NoError(t, err)
	require.Len(t, overheads, 2)
	for _, o := range overheads {
		require.NoError(t, o.Run(), o.Name)
		require.NoError(t, o.Bare(), o.Name)
		require.NoError(t, o.Reference(), o.Name)
	}
}

func TestOverheadIsThatOfOneUnitBesideTheWork(t *testing.T) {
	t.Parallel()
	samples := func(times ...float64) (all []bench.Sample) {
		for _, ns := range times {
			all = append(all, bench.Sample{Time: ns})
		}
		return all
	}
	o := bench.Overhead{Units: 4}
	require.InDelta(t, 1.5, o.Ratio(samples(170, 1700, 9999), samples(50, 500, 0), samples(20, 200, 1)), 1e-9)
}

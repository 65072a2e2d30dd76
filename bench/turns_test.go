package bench_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/bench"
)

func TestInTurnsTimesEverybodyInEveryRound(t *testing.T) {
	t.Parallel()
	turns, spun := "", uint64(0)
	spin := func(name string, loops int) func() error {
		return func() error {
			if turns == "" || turns[len(turns)-1:] != name {
				turns += name
			}
			for i := range loops {
				spun += uint64(i)
			}
			return nil
		}
	}
	samples, err := bench.InTurns(
		[]func() error{spin("a", 40_000), spin("b", 400_000), spin("c", 0)}, 4, 4*time.Millisecond,
	)
	require.NoError(t, err)
	require.Len(t, samples, 3)
	require.True(t, strings.HasSuffix(turns, "abcbcacababc"), "they take turns, and the first one changes: %s", turns)
	for _, rounds := range samples {
		require.Len(t, rounds, 4)
	}
	for round := range samples[0] {
		require.Positive(t, samples[0][round].Time)
		require.Positive(t, samples[0][round].CPU)
		require.Greater(t, samples[1][round].CPU, 3*samples[0][round].CPU)
		require.Positive(t, samples[0][round].Runs)
	}
}

func TestInTurnsCountsAllocations(t *testing.T) {
	var kept []byte
	samples, err := bench.InTurns([]func() error{func() error {
		kept = make([]byte, 1<<10)
		return nil
	}}, 1, time.Millisecond)
	require.NoError(t, err)
	require.Len(t, kept, 1<<10)
	require.InDelta(t, 1, samples[0][0].Allocs, 0.5)
	require.InDelta(t, 1<<10, samples[0][0].Bytes, 512)
}

func TestFasterComparesWithinARound(t *testing.T) {
	t.Parallel()
	of := func(times ...float64) []bench.Sample {
		var samples []bench.Sample
		for _, time := range times {
			samples = append(samples, bench.Sample{Time: time})
		}
		return samples
	}
	require.InDelta(t, 3, bench.Faster(of(10, 1000, 20), of(30, 3000, 20)), 0, "a round in which the machine was slow counts like any other")
}

func TestInTurnsStopsAtAnError(t *testing.T) {
	t.Parallel()
	wrong := errors.New("wrong")
	_, err := bench.InTurns([]func() error{func() error { return wrong }}, 1, time.Millisecond)
	require.ErrorIs(t, err, wrong)
	runs := 0
	_, err = bench.InTurns([]func() error{func() error {
		if runs++; runs > 20_000 {
			return wrong
		}
		return nil
	}}, 1_000_000, 10*time.Microsecond)
	require.ErrorIs(t, err, wrong)
}

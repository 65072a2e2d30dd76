package bench_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
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
	}
}

func TestRatiosCompareWithinARound(t *testing.T) {
	t.Parallel()
	of := func(times ...float64) []bench.Sample {
		var samples []bench.Sample
		for _, time := range times {
			samples = append(samples, bench.Sample{Time: time, CPU: 2 + time})
		}
		return samples
	}
	ours, other := of(10, 1000, 20), of(30, 3000, 20)
	require.InDelta(t, 3, bench.Faster(ours, other), 0, "a round in which the machine was slow counts like any other")
	require.InDelta(t, 32.0/12, bench.Cheaper(ours, other), 0)
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
func TestTrialsTakeTurnsAndOnlyTheRunCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := ""
		trial := func(name string) bench.Trial {
			note := func(what string, d time.Duration) func() error {
				return func() error {
					turns += name + what
					time.Sleep(d)
					return nil
				}
			}
			return bench.Trial{Ready: note("1", time.Hour), Run: note("2", time.Millisecond), Done: note("3", time.Hour), Units: 1000}
		}
		samples, err := bench.TrialsInTurns([]bench.Trial{trial("a"), trial("b")}, 2)
		require.NoError(t, err)
		require.Equal(t, "a1a2a3b1b2b3b1b2b3a1a2a3", turns)
		require.Len(t, samples, 2)
		for _, rounds := range samples {
			require.Len(t, rounds, 2)
			for _, sample := range rounds {
				require.InDelta(t, 1000, sample.Time, 0, "ns, of one unit")
			}
		}
	})
}

func TestTrialsClearAwayAfterAnError(t *testing.T) {
	t.Parallel()
	wrong, late := errors.New("wrong"), errors.New("late")
	done := false
	_, err := bench.TrialsInTurns([]bench.Trial{{
		Ready: func() error { return wrong }, Run: func() error { return nil },
		Done: func() error {
			done = true
			return late
		},
	}}, 1)
	require.ErrorIs(t, err, wrong)
	require.ErrorIs(t, err, late)
	require.True(t, done)
}

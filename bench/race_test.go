package bench_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/bench"
)

func TestRaceTimesEverybodyInEveryRound(t *testing.T) {
	t.Parallel()
	turns := ""
	spin := func(name string, d time.Duration) func() error {
		return func() error {
			if turns == "" || turns[len(turns)-1:] != name {
				turns += name
			}
			for start := time.Now(); time.Since(start) < d; {
			}
			return nil
		}
	}
	times, err := bench.Race(
		[]func() error{spin("a", 20*time.Microsecond), spin("b", 200*time.Microsecond), spin("c", 0)}, 4, time.Millisecond,
	)
	require.NoError(t, err)
	require.Len(t, times, 3)
	require.True(t, strings.HasSuffix(turns, "abcbcacababc"), "they take turns, and who begins changes: %s", turns)
	for _, rounds := range times {
		require.Len(t, rounds, 4)
	}
	for round := range times[0] {
		require.GreaterOrEqual(t, times[0][round], 20*time.Microsecond)
		require.GreaterOrEqual(t, times[1][round], 200*time.Microsecond)
	}
}

func TestRaceStopsAtAnError(t *testing.T) {
	t.Parallel()
	wrong := errors.New("wrong")
	_, err := bench.Race([]func() error{func() error { return wrong }}, 1, time.Millisecond)
	require.ErrorIs(t, err, wrong)
	runs := 0
	_, err = bench.Race([]func() error{func() error {
		if runs++; runs > 20_000 {
			return wrong
		}
		return nil
	}}, 1_000_000, 10*time.Microsecond)
	require.ErrorIs(t, err, wrong)
}

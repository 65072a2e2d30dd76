package bench_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/bench"
)

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

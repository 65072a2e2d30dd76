package awsbatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
)

func TestAMissIsKnownForAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var misses awsbatch.Misses[string]
		_, ok := misses.Get("a")
		require.False(t, ok)
		misses.Keep("a", "first")
		time.Sleep(awsbatch.MissTTL - 1)
		misses.Keep("a", "second")
		found, ok := misses.Get("a")
		require.True(t, ok)
		require.Equal(t, "first", found, "a miss that is known is not made longer")
		_, ok = misses.Get("b")
		require.False(t, ok)

		time.Sleep(time.Nanosecond)
		_, ok = misses.Get("a")
		require.False(t, ok)
		misses.Keep("a", "third")
		found, _ = misses.Get("a")
		require.Equal(t, "third", found)
	})
}

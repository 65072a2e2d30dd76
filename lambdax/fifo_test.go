package lambdax_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
)

func TestFIFOStopsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"fail", "panic", "goexit", "bad", "unknown", "later", "permanent"} {
		r := newEnv(t)
		event := fifo(doing("", "", bad, "", "fail", ""), "a", "b", "a", "b", "b", "a")
		response, err := must(lambdax.SQS(r.hub, lambdax.SQSConfig{PartialBatch: true}))(t.Context(), event)
		require.NoError(t, err)
		require.Equal(t, []string{"m2", "m3", "m4", "m5"}, reported(t, response), "it and all later ones, after %s", bad)
		require.NotContains(t, r.ran, 3)

		_, err = must(lambdax.SQS(r.hub, lambdax.SQSConfig{}))(t.Context(), event)
		require.ErrorIs(t, err, lambdax.ErrHeldBack)
		require.ErrorContains(t, err, "4 of 6 records failed")
	}
}

func TestFIFOMayGoOnWithOtherGroups(t *testing.T) {
	t.Parallel()
	r := newEnv(t)
	event := fifo(doing("", "fail", "", "", "ignore", ""), "a", "b", "a", "b", "c", "b")
	response, err := must(lambdax.SQS(r.hub, lambdax.SQSConfig{PartialBatch: true, SkipGroupOnError: true}))(t.Context(), event)
	require.NoError(t, err)
	require.Equal(t, []string{"m1", "m3", "m5"}, reported(t, response))
	require.Equal(t, []int{0, 1, 2, 4}, r.ran)
}

func TestFIFOGroupsRunSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		event := fifo(doing("second", "second", "second", "second", "second", "second"), "a", "a", "a", "b", "b", "c")
		_, took, err := r.inTime(time.Minute, event, lambdax.SQSConfig{Concurrency: 10})
		require.NoError(t, err)
		require.Equal(t, 3*time.Second, took, "as long as the longest group")
		places := map[int]int{}
		for place, n := range r.ran {
			places[n] = place
		}
		require.Less(t, places[0], places[1])
		require.Less(t, places[1], places[2])
		require.Less(t, places[3], places[4])
	})
}

func TestFIFOTaskThatDoesNotFitHoldsItsGroupBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		event := delivered(1, fifo(doing("second", "slow", "", ""), "a", "a", "a", "b"))
		response, _, err := r.inTime(6500*time.Millisecond, event, lambdax.SQSConfig{PartialBatch: true, SkipGroupOnError: true})
		require.NoError(t, err)
		require.Equal(t, []string{"m1", "m2"}, reported(t, response))
		require.Equal(t, []int{0, 3}, r.ran)
	})
}

// A message that was not started because the time was over is in line before those of its
// group that come later.
func TestFIFOHandlerThatHangsHoldsItsGroupBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		event := fifo(doing("hang", "", ""), "a", "a", "b")
		response, _, err := r.inTime(3*time.Second, event, lambdax.SQSConfig{PartialBatch: true, Concurrency: 2})
		require.NoError(t, err)
		require.Equal(t, []string{"m0", "m1"}, reported(t, response))
		time.Sleep(2 * time.Hour)
	})
}

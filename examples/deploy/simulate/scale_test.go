package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The rule of Kubernetes: at most four pods more or twice as many in a look, none for a
// tenth too much, and none less before five minutes have passed.
func TestAutoscaler(t *testing.T) {
	t.Parallel()
	rule := &autoscaler{target: 20, most: 20}
	second := 0
	for _, step := range []struct {
		after             int
		visible, inFlight float64
		workers, want     int
	}{
		{0, 0, 0, 1, 1},
		{15, 1, 20, 1, 1}, // 1.05 of the target
		{15, 3, 20, 1, 2},
		{15, 990, 40, 2, 6},
		{15, 900, 100, 6, 12},
		{15, 900, 100, 12, 20}, // the most
		{15, 0, 30, 20, 20},    // the number of 15 s ago holds
		{280, 0, 30, 20, 20},
		{15, 0, 30, 20, 2},
		{300, 0, 0, 2, 1}, // never none
	} {
		second += step.after
		got := rule.want(second, backlog{step.visible, step.inFlight, step.workers, 0})
		require.Equal(t, step.want, got, "%d s: %+v", second, step)
	}
}

// The rule of target tracking: three minutes above the target until tasks are added, 15
// well below until some are removed, and none in a cooldown.
func TestTracking(t *testing.T) {
	t.Parallel()
	rule := &tracking{target: 2400, most: 20}
	minute := 0
	want := func(minutes int, visible float64, running, starting, expected int) {
		t.Helper()
		for range minutes {
			minute++
			got := rule.want(60*minute, backlog{visible, 0, running, starting})
			require.Equal(t, expected, got, "minute %d", minute)
		}
	}
	want(2, 20_000, 1, 0, 1)
	want(1, 20_000, 1, 0, 9)
	want(1, 20_000, 1, 8, 9)
	want(1, 60_000, 9, 0, 20) // after the cooldown
	want(2, 20*2400*0.95, 20, 0, 20)
	want(14, 5000, 20, 0, 20)
	want(1, 5000, 20, 0, 3)
	want(4, 0, 3, 0, 3) // cooldown
	want(1, 0, 3, 0, 1)
	want(20, 0, 1, 0, 1)
}

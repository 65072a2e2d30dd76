package faults_test

import (
	"context"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// rapidBed fails as rapid wants it, so that it shrinks, and cleans up in the bubble.
type rapidBed struct {
	*rapid.T

	bubble *testing.T
}

// Name is the name of the test.
func (b rapidBed) Name() string { return b.bubble.Name() }

// Cleanup runs f in the bubble, when the case is over.
func (b rapidBed) Cleanup(f func()) { b.bubble.Cleanup(f) }

// Context is that of the bubble.
func (b rapidBed) Context() context.Context { return b.bubble.Context() }

// checkInBubbles checks a property, each case of it in its own bubble. What a case
// draws must be drawn by its own goroutine.
func checkInBubbles(t *testing.T, property func(draw *rapid.T, b tb)) {
	t.Helper()
	rapid.Check(t, func(draw *rapid.T) {
		var thrown any // rapid fails by panics, which have to reach it
		synctest.Test(t, func(bubble *testing.T) {
			defer func() { thrown = recover() }()
			property(draw, rapidBed{draw, bubble})
		})
		switch {
		case thrown == nil:
		case draw.Failed():
			draw.FailNow() // from another line: that is how rapid tells failures from cases that it cannot draw
		default:
			panic(thrown)
		}
	})
}

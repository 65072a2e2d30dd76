package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestT33ShortAndLongVisibility(t *testing.T) {
	t.Parallel()
	for visibility, takes := range map[time.Duration]time.Duration{
		time.Millisecond: 20 * time.Second, // rounded up to a second
		time.Second:      20 * time.Second,
		2 * time.Second:  20 * time.Second,
		5 * time.Second:  20 * time.Second,
		8 * time.Hour:    11 * time.Hour,
		12 * time.Hour:   11 * time.Hour, // all that SQS gives: there is nothing to extend
	} {
		t.Run(visibility.String(), func(t *testing.T) {
			t.Parallel()
			handle := func(ctx context.Context, n int) error {
				if n == 0 {
					return long(takes)(ctx, n)
				}
				return nil
			}
			inBubble(t, setup{What: "visibility timeouts of 1 s to 12 h", Handle: handle}, func(r *rig) {
				beats := r.watch(sqstest.OpChangeMessageVisibilityBatch)
				w := r.start(sqsx.WorkerConfig{
					Priorities: []taskhawk.Priority{taskhawk.Default}, Concurrency: 1, VisibilityTimeout: visibility,
				})
				r.fill(2) // the second waits in the worker, and is held as long
				r.drain(12 * time.Hour)
				w.stop()
				require.Equal(r, 2, r.book.total())
				whole := max(visibility, time.Second)
				beaten := len(beats.of(""))
				require.Equal(r, visibility < takes, beaten > 0)
				require.LessOrEqual(r, beaten, 2*int(2*takes/whole)+2, "heartbeats")
				for _, gap := range beats.gaps("") {
					require.Less(r, gap, whole)
				}
				r.Check(want{})
			})
		})
	}
}

func TestT33VisibilityThatSQSRefuses(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "visibility timeouts out of range"}, func(r *rig) {
		for _, visibility := range []time.Duration{-time.Second, 12*time.Hour + 1} {
			_, err := sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{VisibilityTimeout: visibility})
			require.ErrorContains(r, err, "VisibilityTimeout")
		}
		r.Check(want{})
	})
}

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

// takes makes a handler that takes so long.
func takes(d time.Duration) func(context.Context, int) error {
	return func(context.Context, int) error {
		time.Sleep(d)
		return nil
	}
}

// A message comes twice while its first run is under way: it runs once, and is deleted by its latest receipt.
func TestT13DuplicatesOfARunningTask(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"in the same batch": sqstest.DuplicateInBatch(0, 1, 2), "in the next batch": sqstest.Redeliver(0, 1, 2),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "a message delivered twice while it runs", Handle: takes(20 * time.Second)}, func(r *rig) {
				r.fill(5)
				fault := r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: effect})
				w := r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}})
				r.drain(time.Minute)
				w.stop()
				require.Equal(r, 1, fault.Fired())
				require.Equal(r, 3, r.server.Ledger().Count(sqstest.Duplicated))
				require.Equal(r, 5, r.book.total())
				require.EqualValues(r, 3, w.Stats().Duplicates)
				require.Zero(r, r.server.Ledger().Count(sqstest.DeleteIgnored), "no delete by an old receipt")
				r.Check(want{})
			})
		})
	}
}

// Messages come again and again while tasks are quick: each may run once more for each time, and no more.
func TestT13DuplicatesOfQuickTasks(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"in the same batch": sqstest.DuplicateInBatch(0, 1, 2), "in the next batch": sqstest.Redeliver(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup{What: "quick messages delivered twice", Handle: takes(10 * time.Millisecond), Provision: patient()}
			inBubble(t, s, func(r *rig) {
				r.server.Inject(sqstest.Fault{Do: sqstest.Delay(5 * time.Millisecond)})
				r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, If: every(3), Do: effect})
				w := r.start(sqsx.WorkerConfig{})
				for range 15 {
					r.fillAll(4)
					time.Sleep(100 * time.Millisecond)
				}
				r.drain(5 * time.Minute)
				w.stop()
				injected := r.server.Ledger().Count(sqstest.Duplicated)
				require.Positive(r, injected)
				r.Check(want{Duplicates: injected, Stranded: injected})
			})
		})
	}
}

// A message comes again after a delete that said it was done.
func TestT13DuplicateAfterDelete(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a message delivered again after its delete"}, func(r *rig) {
		r.fill(10)
		fault := r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Nth: 1, Do: sqstest.Pretend()})
		deletes := r.watch(sqstest.OpDeleteMessageBatch)
		w := r.start(sqsx.WorkerConfig{})
		r.drain(time.Minute)
		w.stop()
		require.Equal(r, 1, fault.Fired())
		again := deletes.of("")[0].Entries
		require.Equal(r, 10+again, r.book.total(), "once more for each")
		r.Check(want{Duplicates: again, Stranded: again})
	})
}

// A message comes again while its delete, by the receipt of before, is still on its way: it does not run again, and is deleted by
// the receipt that counts.
func TestT13DuplicateWhileItsDeleteIsUnderWay(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a message delivered again while its delete is under way"}, func(r *rig) {
		r.fill(5)
		r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Times: 2, Do: sqstest.Delay(5 * time.Second)})
		w := r.start(sqsx.WorkerConfig{VisibilityTimeout: 2 * time.Second})
		r.drain(time.Minute)
		w.stop()
		require.Positive(r, w.Stats().Duplicates)
		require.Equal(r, 5, r.book.total())
		r.Check(want{Stranded: 5})
	})
}
